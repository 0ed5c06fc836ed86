/* What an operator sees of the daemon: the monitor and the audit. */
#ifndef VIVARIUM_SERVICE_OPERATIONS_H
#define VIVARIUM_SERVICE_OPERATIONS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "supervisor/service/acceptor.h"
#include "supervisor/service/audit.h"
#include "supervisor/service/listen.h"
#include "supervisor/service/monitor.h"
#include "supervisor/service/options.h"

struct operations {
    struct audit *audit;     /* NULL: none is kept */
    struct listener metrics; /* .fd -1: none */
    struct monitor *monitor; /* NULL: none runs */
    /* What the monitor's thread asks. */
    const struct viv_supervisor *supervisor;
    _Atomic(struct acceptor *) acceptor; /* NULL: not yet */
    atomic_bool ready;
};

#define OPERATIONS_INIT                       \
    {                                         \
        .metrics = {.lock_fd = -1, .fd = -1 } \
    }

/* Before anything runs: the lock on the monitor's address. Ends, as all that
 * follow, with operations_release(). */
int operations_lock(struct operations *operations, const struct options *options,
                    struct viv_error *err);

/* Starts the audit's thread. */
int operations_open_audit(struct operations *operations, const struct options *options,
                          struct viv_error *err);

/* Answers from now on, at first that it is not ready. */
int operations_start_monitor(struct operations *operations, const struct viv_supervisor *supervisor,
                             struct viv_error *err);

/* Before the supervisor and the acceptor are freed. */
void operations_stop_monitor(struct operations *operations);

/* Once no execution is left. */
void operations_release(struct operations *operations);

#endif
