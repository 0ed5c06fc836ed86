/* Sessions: scopes that outlive executions and the workers that hold them.
 *
 * A session is here while it is in use: executions wait or run, a worker holds
 * its scope, or it has just been used. Otherwise it is in the store only, and
 * whoever names it next has it loaded. What it does next follows from what is
 * known of it (session_next.h), asked again whenever something has happened. */
#ifndef VIVARIUM_SESSION_H
#define VIVARIUM_SESSION_H

#include "supervisor/execution.h"
#include "supervisor/registry.h"
#include "supervisor/session_store.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"

struct worker;

/* Lists of a tenant's sessions that are asked for at a time, and in the making
 * (session_list.c). */
#define SESSION_LISTINGS_MAX 64
#define SESSION_LISTINGS_BEGUN 2

/* Somebody who waits for the end of a session. */
struct session_closer {
    struct command command;
    struct session_closer *next;
    char tenant[VIV_ID_MAX + 1], id[VIV_ID_MAX + 1];
    viv_session_done *done;
    void *arg;
};

struct session {
    struct name name;
    struct viv_supervisor *supervisor;
    bool used; /* the slot */
    struct session *next_free;
    struct execution *own; /* the place for what it runs for itself */

    struct execution *first, **last; /* those that wait for their turn */
    struct execution *turn;
    struct worker *worker;               /* that holds the scope; NULL: none */
    enum viv_restored_from restore_from; /* why the next worker must restore it */
    struct blob snapshot;                /* out of the store, for that worker */
    uint64_t executions;                 /* it has had, ever */

    bool creating; /* OPEN has its turn or waits for it: the store has no record yet */
    bool loaded, lost, closing, leaving;
    bool dirty;     /* the worker's scope is not what the store has */
    bool unsavable; /* nor could it be brought there when that was last tried */
    int64_t tried_ns;
    struct session_closer *closers;

    struct store_meta meta;
    struct store_lease lease;
    struct session_task task;    /* one at a time */
    struct session_task renewal; /* of the lease, beside it */
    int64_t renew_at_ns;

    int64_t used_ns; /* last, CLOCK_MONOTONIC */
    struct timer timer;
    bool idle; /* in the list of those whose worker may be taken */
    struct session *older, *newer;
};

struct sessions {
    struct session *all, *free;
    unsigned max, count;
    unsigned resident_max, resident;
    unsigned evicting; /* of the resident ones: their workers will soon be free */
    unsigned pinned;   /* of them, unsavable ones */
    struct session_listings {
        struct session_listing *line[SESSION_LISTINGS_MAX];
        unsigned count;
        unsigned begun; /* the store works for them */
    } listings;
    struct registry registry;
    struct session *oldest_idle, *newest_idle;
    struct session_store store;
};

int sessions_create(struct viv_supervisor *supervisor, struct viv_error *err);
/* At our own end: who waits for the end of a session is told. */
void sessions_stop(struct viv_supervisor *supervisor);
/* No task of the store is left then. Half built is fine. */
void sessions_destroy(struct viv_supervisor *supervisor);

/* An execution that names a session has been submitted: it waits for its turn,
 * or is rejected. */
void session_arrive(struct viv_supervisor *supervisor, struct execution *execution);

/* Takes a waiting execution out of its session's line. */
void session_unqueue(struct execution *execution);

/* What goes to the worker behind the code: the snapshot to begin with, empty
 * where the worker has the scope or the execution brings one. */
struct blob session_snapshot(const struct worker *worker, const struct execution *execution);

/* The worker has been given the execution that has the turn. */
void session_began(struct session *session, struct worker *worker);

/* The worker could not be given it: it keeps its turn, or gets another. */
void session_put_back(struct session *session, struct execution *execution);

/* The execution has been answered. True: its scope goes to the store first, and
 * schedule_finish() follows. */
bool session_save(struct session *session, struct execution *execution);

/* An execution had the turn and has ended, one way or the other; `done`: as it
 * was asked to. Its place is free already. */
void session_turn_over(struct session *session, enum execution_kind kind, bool done);

/* Its worker no longer holds its scope. */
void session_lost(struct session *session, enum viv_restored_from how);

/* Whether its scope can be brought to the store, as far as is known. */
void session_set_unsavable(struct session *session, bool unsavable);

/* Its worker, if it has one, is wanted for others. session_step() is due. */
void session_begin_leaving(struct session *session);

/* Does what comes next. */
void session_step(struct session *session);

/* Starts to free a worker that a session holds without using it, of that tenant
 * or, with NULL, of any. False: there is none. */
bool session_evict_one(struct viv_supervisor *supervisor, const char *tenant);

/* All sessions to the store; drain_check() when none is left. */
void session_drain(struct viv_supervisor *supervisor);

/* session_idle.c: the list of those whose worker may be taken, oldest first. */
void session_idle_add(struct session *session);
void session_idle_remove(struct session *session);
/* Sets the one timer to whatever comes next: renewal, idle end, leaving. */
void session_timer(struct session *session);
void session_timer_fired(struct timer *timer, int64_t now_ns);

/* Another supervisor may have it: it ends here, and nothing of it is written. */
void session_lease_lost(struct session *session);

/* session_answers.c: what the store said. */
void session_stored(struct session *session, struct session_task *task);

/* session_table.c */
struct session *session_find(struct viv_supervisor *supervisor, const char *tenant, const char *id);
/* Frees the snapshot out of the store. */
void session_drop_snapshot(struct session *session);
/* A slot for it; NULL: none is free. */
struct session *session_new(struct viv_supervisor *supervisor, const char *tenant, const char *id);
/* Tells the closers (`error` may be NULL) and frees the slot. Nothing of it may
 * be under way. */
void session_free(struct session *session, const struct viv_error *error);
/* The same, unless somebody has come meanwhile: then it is loaded anew. */
void session_forget(struct session *session);
/* Rejects all that wait. */
void session_reject_waiting(struct session *session, const struct viv_error *error);
/* Its OPEN has ended without it: what waits behind is rejected, its record is to go. */
void session_not_opened(struct session *session);

#endif
