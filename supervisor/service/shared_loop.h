/* One thread hears clients and workers: the loop in which gRPC polls drives the supervisor,
 * too. An answer then needs no way from one thread to another, and gRPC's lock of a
 * connection is asked for by one alone.
 *
 * gRPC's loop offers no place for that, so epoll_wait() of the program is ours: it does what
 * libc's does, with one descriptor more. Where gRPC polls by anything else, nothing is
 * shared, and the supervisor has its own thread as ever. */
#ifndef VIVARIUM_SERVICE_SHARED_LOOP_H
#define VIVARIUM_SERVICE_SHARED_LOOP_H

#include "supervisor/vivarium.h"

/* From the calling thread's next epoll_wait() on, whoever waits for the same descriptor
 * drives the supervisor. One at a time in a process. */
void shared_loop_join(struct viv_supervisor *supervisor);

/* The same thread, while the supervisor is there. */
void shared_loop_leave(void);

#endif
