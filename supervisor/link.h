/* The supervisor's end of its zygote: a process and a socket
 * (proto/zygote.h). */
#ifndef VIVARIUM_LINK_H
#define VIVARIUM_LINK_H

#include <stdbool.h>

#include "proto/zygote.h"
#include "supervisor/cgroup/cgroup.h"
#include "supervisor/vivarium.h"

struct link {
    int fd;    /* SOCK_SEQPACKET, non-blocking; -1: no zygote */
    int pidfd; /* of the process that we started; it ends after every worker has */
    int pid;
};

/* Where the worker binary is: `configured`, or one of the places that
 * vivarium.h names. The caller frees *ret_path. */
int link_find_worker(const char *configured, char **ret_path, struct viv_error *err);

/* Starts a profile's zygote. It is killed when the calling thread ends. READY or
 * FAILED comes later. `absent`: layers that may be; `answer_max`: what a worker may
 * answer, in bytes. */
int link_start(const char *worker_path, const struct viv_profile *profile, uint64_t absent,
               uint64_t answer_max, struct link *ret_link, struct viv_error *err);

/* Closes the socket, upon which the zygote ends and every worker with it. */
void link_hang_up(struct link *link);

/* Reaps the process, waiting where it has not ended, and closes the rest. */
void link_reap(struct link *link);

/* Asks for a worker, in the control groups behind `entrance`. VIV_UNAVAILABLE:
 * the zygote has enough to do. */
int link_spawn(struct link *link, uint32_t slot, uint64_t generation, const int fds[VIV_SPAWN_FDS],
               const struct viv_cgroup_entrance *entrance, struct viv_error *err);

/* Receives one message. 1: *ret_message, and *ret_fd is its descriptor or -1,
 * the caller's to close; 0: the zygote is gone; -1: nothing to read now, or
 * (another status than VIV_UNAVAILABLE) nothing that can be trusted. */
int link_receive(struct link *link, struct viv_zygote_message *ret_message, int *ret_fd,
                 struct viv_error *err);

#endif
