/* The zygote's end of its link to the supervisor (proto/zygote.h). */
#ifndef VIVARIUM_LINK_H
#define VIVARIUM_LINK_H

#include "proto/error.h"
#include "proto/zygote.h"

/* Receives one message. Returns 1, 0 where the supervisor has closed its end,
 * or -1. Descriptors arrive close-on-exec and are the caller's; places without
 * one are -1. */
int viv_link_receive(int link, struct viv_zygote_message *ret_message,
                     int ret_fds[VIV_SPAWN_FDS_MAX], struct viv_error *err);

/* Sends one message, with the descriptor `fd` beside it unless that is -1. */
int viv_link_send(int link, const struct viv_zygote_message *message, int fd,
                  struct viv_error *err);

#endif
