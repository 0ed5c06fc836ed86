/* Datagrams with descriptors beside them, over SOCK_SEQPACKET (unix(7),
 * SCM_RIGHTS). */
#ifndef VIVARIUM_DATAGRAM_H
#define VIVARIUM_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "proto/error.h"

/* Most descriptors beside one datagram. Even: the kernel fills a control buffer
 * up to its alignment, so an odd number would let one more through than an
 * array of that size holds. */
#define VIV_DATAGRAM_FDS 8

/* Sends the parts as one datagram; the descriptors stay the caller's. On a
 * non-blocking socket that is full: VIV_UNAVAILABLE. */
int viv_datagram_send(int fd, const struct iovec *parts, size_t part_count, const int *fds,
                      unsigned fd_count, struct viv_error *err);

/* Receives one datagram into `buffer`. Returns its length, 0 where the peer has
 * closed or has sent an empty one, whose descriptors are closed; -1 with
 * VIV_UNAVAILABLE where there is nothing to read now, -1 with
 * VIV_INVALID_ARGUMENT where it or its descriptors are more than there is room
 * for, -1 with VIV_INTERNAL where the socket failed. The descriptors are the
 * caller's, and close-on-exec. */
ssize_t viv_datagram_receive(int fd, bool dont_wait, void *buffer, size_t size,
                             int ret_fds[VIV_DATAGRAM_FDS], unsigned *ret_fd_count,
                             struct viv_error *err);

/* Closes those that are not -1. */
void viv_datagram_close(const int *fds, unsigned count);

#endif
