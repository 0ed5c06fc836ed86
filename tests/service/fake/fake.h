/* A stand-in for the supervisor that runs no code: what would be Python is one
 * of these commands. It has a thread of its own, as the real one, and keeps
 * the promises of vivarium.h.
 *
 *     pass              ends at once; result_repr is "ok"
 *     describe          result_repr says what the request was
 *     sleep MS          ends after MS
 *     loop              ends when it is cancelled
 *     stubborn MS       ends MS after it is cancelled, killed
 *     print N SIZE      writes N times SIZE bytes, stopping when told so
 *     result SIZE       result_repr has SIZE bytes
 *     reject            never runs
 *     die               the worker dies of SIGSEGV
 *
 * Of sessions it knows that there is one called "none" that there isn't, and
 * one called "slow", whose scope takes for ever. */
#ifndef VIVARIUM_TESTS_SERVICE_FAKE_H
#define VIVARIUM_TESTS_SERVICE_FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/vivarium.h"

#define NEVER INT64_MAX

struct execution {
    struct execution *next;
    viv_ticket ticket;
    char tenant[VIV_ID_MAX + 1];
    char id[VIV_ID_MAX + 1];
    char command[64];
    enum viv_request_kind kind;
    char session[VIV_ID_MAX + 1];
    char repr[256];
    size_t repr_len;
    long count, size, written;
    struct viv_callbacks callbacks;
    void *arg;
    int64_t began_ns, ends_ns, deadline_ns;
    enum viv_outcome outcome;
    bool started, paused, cancelled;
    struct viv_receipt receipt;
    /* Cancels that wait for its end. */
    struct waiter {
        struct waiter *next;
        viv_cancel_done *done;
        void *arg;
    } * waiters;
};

struct command {
    struct command *next;
    enum { SUBMIT, RESUME, CANCEL_TICKET, CANCEL, LIST, DESCRIBE, DRAIN, CLOSE, SESSIONS } kind;
    struct execution *execution;
    viv_ticket ticket;
    enum viv_cause cause;
    char tenant[VIV_ID_MAX + 1], id[VIV_ID_MAX + 1], reason[257];
    bool wait, force;
    int64_t grace_ns;
    union {
        viv_cancel_done *cancel;
        viv_list_done *list;
        viv_describe_done *describe;
        void (*drain)(void *arg);
        viv_session_done *close;
        viv_sessions_done *sessions;
    } done;
    void *arg;
};

struct viv_supervisor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct command *inbox, **inbox_end;
    bool stopping;
    viv_ticket last_ticket;
    struct viv_config config;
    /* The thread's own. */
    struct execution *executions;
    bool draining;
    int64_t drain_at_ns;
    struct waiter_drain {
        void (*done)(void *arg);
        void *arg;
    } drains[4];
    unsigned drain_count;
};

/* On CLOCK_MONOTONIC. */
int64_t fake_now(void);

/* NULL: "default". */
void fake_copy(char *to, size_t size, const char *from);

/* ---- execution.c: on the thread ---- */

/* Takes it over: it begins, or is rejected. */
void fake_admit(struct viv_supervisor *s, struct execution *e);
void fake_cancel(struct execution *e, enum viv_cause cause, const char *reason);
void fake_finish(struct viv_supervisor *s, struct execution **link);

/* Moves every execution on; returns when the next thing is due. */
int64_t fake_step_all(struct viv_supervisor *s);

/* ---- commands.c ---- */

/* Hands it to the thread. */
void fake_post(struct viv_supervisor *s, struct command command);

/* The thread. */
void *fake_react(void *arg);

#endif
