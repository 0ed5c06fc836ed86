/* The state that the reactor owns, and what its parts offer each other. */
#ifndef VIVARIUM_SUPERVISOR_H
#define VIVARIUM_SUPERVISOR_H

#include <pthread.h>

#include "supervisor/demand.h"
#include "supervisor/enforce.h"
#include "supervisor/execution.h"
#include "supervisor/inbox.h"
#include "supervisor/link.h"
#include "supervisor/random_id.h"
#include "supervisor/registry.h"
#include "supervisor/remembered.h"
#include "supervisor/stats.h"
#include "supervisor/tenant/tenants.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"
#include "supervisor/watch.h"
#include "supervisor/worker.h"

#define READ_BUFFER (64 * 1024)

enum zygote_phase { ZYGOTE_DOWN, ZYGOTE_STARTING, ZYGOTE_READY };

/* A profile at work: its zygote, and whose workers of it to keep. Those that share
 * their zygote with no other aren't its own, but start as long as it is there. */
struct zygote {
    struct viv_supervisor *supervisor;
    const struct viv_profile *profile;
    struct link link;
    struct watch link_watch;
    struct watch end;
    enum zygote_phase phase;
    bool was_ready; /* at the supervisor's start */
    bool came_up;   /* this one, which may be the fifth */
    bool broken;    /* the last one did not come up */
    int64_t backoff_ns;
    struct timer retry;
    uint64_t layers, absent;
    char vm[64];
    struct demand demand;
    unsigned parked_count; /* executions whose worker is on its way */
};

struct viv_supervisor {
    struct viv_config config; /* constant after create; strings owned */
    char *worker_path;
    struct viv_profile *profiles; /* the default one first; constant, as its count */

    /* Shared with other threads, under inbox.lock. */
    struct inbox inbox;
    struct execution *free_executions;
    uint64_t request_bytes;
    struct tenants tenants; /* but for their flows */
    bool refusing;          /* draining or stopping */

    /* How the start went, for create(); under start_lock. */
    pthread_mutex_t start_lock;
    pthread_cond_t start_done;
    bool started, start_failed;
    struct viv_error start_error;

    /* Held by whoever does the reactor's work: its thread, those that submit where
     * config.callers_run, and who drives. What follows is the holder's own. */
    pthread_mutex_t turn;
    uint64_t turns;       /* of others than the thread */
    int64_t last_turn_ns; /* of one of those */
    int64_t wakes_ns;     /* when the thread wakes by itself */
    bool thread_has_turn;
    bool driven;         /* a loop of the program's hears epoll_fd, the thread is not to */
    bool thread_listens; /* but still does */
    pthread_cond_t thread_turned;
    int thread_fd;   /* an eventfd: wakes the thread that doesn't listen */
    bool exec_asked; /* somebody has ever asked for a zygote of its own */
    pthread_t thread;
    bool thread_runs;
    int epoll_fd;
    bool stopping;
    struct watch wake;
    struct timers timers;

    struct zygote *zygotes; /* one for each profile, in their order */
    size_t zygote_count;

    struct worker *workers;
    struct worker *idle; /* a stack: the last one in has the warmest caches */
    unsigned idle_count, starting_count, busy_count, held_count, ending_count;
    /* Of those, with a zygote of their own; and the most that may start at a time. */
    unsigned exec_idle_count, exec_starting_count, exec_starts_max;
    struct execution *parked_first, **parked_last;
    unsigned parked_count;
    bool assigning, assign_again;
    struct enforce enforce;
    struct timer refill_retry;
    int64_t reserve_at_ns; /* until then an execution has the processors */

    struct execution *executions;
    size_t execution_count; /* places for callers', then one for each session's own */
    size_t place_count;     /* for callers' */
    struct execution *oldest, *newest;
    struct fair_queue fair;
    unsigned waiting_count, running_count;
    TAILQ_HEAD(, execution) held; /* first come, first served */
    struct registry registry;
    struct random_ids ids;
    struct remembered remembered;
    uint64_t next_generation;

    struct sessions *sessions;
    struct stats stats;

    bool draining;
    struct timer drain_timer;
    struct drain_request *drain_requests;

    _Alignas(struct viv_frame_header) char frame_buffer[VIV_FRAME_BUFFER];
    char read_buffer[READ_BUFFER];
};

/* pool.c: which workers there are. */
void pool_offer(struct viv_supervisor *supervisor, struct worker *worker);
void pool_forget_idle(struct viv_supervisor *supervisor, struct worker *worker);
/* Gives workers to those whose turn it is. Within itself it is put off until it is over. */
void pool_assign(struct viv_supervisor *supervisor);
/* This profile's zygote can't be started: who waits for a worker of it waits no
 * longer, unless there is no other that would have to be made way for. */
void pool_broken(struct zygote *zygote);
/* One that keeps its turn leaves: it is on its way to nobody. */
void pool_unpark(struct viv_supervisor *supervisor, struct execution *execution);
/* Starts the workers that the floor and the queue ask for. */
void pool_refill(struct viv_supervisor *supervisor);
/* One that was spawning or starting has come to another state. */
void pool_started(struct worker *worker, enum worker_state next);
/* An execution has begun; one has been answered. */
void pool_began(struct viv_supervisor *s);
void pool_answered(struct viv_supervisor *s);
void pool_refill_retry(struct timer *timer, int64_t now_ns);

/* zygote.c: a zygote's life. */
void zygote_init(struct zygote *zygote, struct viv_supervisor *supervisor,
                 const struct viv_profile *profile);
void zygote_start(struct zygote *zygote);
/* At our own end: no more workers, and none that it has. */
void zygote_end(struct zygote *zygote);
/* The layers that its profile does without. */
uint64_t zygote_may_lack(const struct zygote *zygote);

/* schedule.c: executions on their way through. */
void schedule_submitted(struct viv_supervisor *supervisor, struct command *command);
void schedule_requeue(struct viv_supervisor *supervisor, struct execution *execution);
/* Gives one whose turn has come to a worker, or rejects it where its deadline has
 * come: it would be cancelled as it starts. */
void schedule_take_turn(struct viv_supervisor *supervisor, struct execution *execution,
                        struct worker *worker);
void schedule_unqueue(struct viv_supervisor *supervisor, struct execution *execution);
/* The worker is done with it: reports, once the scope is saved where it has to be. */
void schedule_answered(struct viv_supervisor *supervisor, struct execution *execution,
                       const struct viv_death *death);
/* Gives a queued or waiting execution to a worker. */
void schedule_assign(struct viv_supervisor *supervisor, struct execution *execution,
                     struct worker *worker);
/* Into the list of all live ones. */
void schedule_enlist(struct viv_supervisor *supervisor, struct execution *execution);
/* Reports or rejects (`error` not NULL), then frees the place. */
void schedule_finish(struct viv_supervisor *supervisor, struct execution *execution,
                     const struct viv_death *death, const struct viv_error *error);
struct execution *schedule_find(struct viv_supervisor *supervisor, viv_ticket ticket);
/* Sets the one timer to whatever comes next for it. */
void schedule_timer(struct execution *execution);
void schedule_timer_fired(struct timer *timer, int64_t now_ns);
/* Its output is not read, until schedule_resume(), or until that has lasted too long.
 * One that is being cancelled is read on and no longer told. */
void schedule_pause(struct execution *execution);
void schedule_resume(struct execution *execution);
/* From now on nothing holds it up: its code could not end in a pipe that is full. */
void schedule_read_on(struct execution *execution);

/* cancel.c */
void cancel_execution(struct execution *execution, enum viv_cause cause, const char *reason,
                      bool force);

/* drain.c */
void drain_check(struct viv_supervisor *supervisor);
void drain_fired(struct timer *timer, int64_t now_ns);
/* Rejects what is queued and takes nothing more. */
void drain_begin(struct viv_supervisor *supervisor);
/* Cancels what runs. */
void drain_cancel_all(struct viv_supervisor *supervisor, bool force);

/* reactor.c */
void *reactor_main(void *supervisor);
/* Has a command run, on this thread where config.callers_run and nobody has the turn. */
void reactor_call(struct viv_supervisor *supervisor, struct command *command);

#endif
