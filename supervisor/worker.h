/* A slot of the pool and the process in it: descriptors, frames, output, and
 * the carrying out of what the state table says. */
#ifndef VIVARIUM_WORKER_H
#define VIVARIUM_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/frame.h"
#include "proto/zygote.h"
#include "supervisor/control.h"
#include "supervisor/demand.h"
#include "supervisor/enforce.h"
#include "supervisor/own_zygote.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"
#include "supervisor/watch.h"
#include "supervisor/worker_state.h"

struct execution;
struct zygote;

struct worker {
    uint32_t index;
    uint64_t generation; /* of the slot: tells the zygote's messages about two workers apart */
    enum worker_state state;
    int64_t since_ns; /* in this state */
    struct viv_supervisor *supervisor;
    struct control control; /* the slot's, for all its workers */
    struct watch channel;
    struct watch outputs[2]; /* stdout, stderr */
    int init_pidfd;          /* its death is the death of all */
    int vm_pidfd;            /* rings here */
    pid_t init_pid, vm_pid;
    struct execution *execution;
    struct session *session; /* whose scope it holds; NULL: none's yet */
    unsigned session_runs;   /* executions of it that it was given */
    struct timer timer;      /* a start that takes too long */
    struct worker *next_idle;
    struct zygote *zygote; /* of its profile: that it was asked of, unless `exec` */
    bool exec;             /* it is from one of its own */
    struct own_zygote own;
    struct demand_tenant *demand; /* whose executions it may run; NULL in a free slot */
    struct enforced enforced;
    /* How it ended. */
    bool has_status;
    int status; /* as wait(2) gives it */
    bool we_killed;
    bool hung_up;         /* its end of the channel was closed while it should run */
    char conviction[160]; /* what it broke the protocol with */
};

/* Gives the slot its control page. */
int worker_open(struct worker *worker, struct viv_supervisor *supervisor, uint32_t index,
                struct viv_error *err);
void worker_close(struct worker *worker);

/* Asks the zygote for a worker of this tenant, who is one in its demand; or, where
 * that says so, starts one that will be asked. The slot must be free, vacant
 * (enforce.h) and without a zygote of its own. */
int worker_spawn(struct worker *worker, struct zygote *zygote, struct demand_tenant *demand,
                 struct viv_error *err);

/* Makes descriptors and asks whichever zygote it is to come from. */
int worker_order(struct worker *worker, struct link *link, struct viv_error *err);

/* The zygote's messages about it; takes `pidfd`. */
void worker_spawned(struct worker *worker, const struct viv_zygote_message *message, int pidfd);
void worker_exited(struct worker *worker, const struct viv_zygote_message *message);

/* Its zygote is gone and this worker with it. */
void worker_zygote_lost(struct worker *worker);

/* Runs one event through the state table. */
void worker_event(struct worker *worker, enum worker_event event);

/* Rings the doorbell once more. */
void worker_ring(struct worker *worker);

/* Begins or goes on to read its output. */
void worker_watch_output(struct worker *worker, bool on);

#endif
