/* The end of service: nothing new, a grace period, a cancel. */
#include <stddef.h>
#include <stdlib.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

struct drain_request {
    struct command command;
    struct drain_request *next;
    int64_t grace_ns;
    void (*done)(void *arg);
    void *arg;
};

void drain_begin(struct viv_supervisor *s)
{
    struct viv_error error;
    struct execution *e, *next;

    pthread_mutex_lock(&s->inbox.lock);
    s->refusing = true;
    pthread_mutex_unlock(&s->inbox.lock);
    s->draining = true;
    viv_fail(&error, VIV_UNAVAILABLE, "the supervisor is draining: ask another one");
    for (e = s->oldest; e; e = next) {
        next = e->next;
        if (e->phase != EXECUTION_QUEUED && e->phase != EXECUTION_WAITING)
            continue;
        schedule_unqueue(s, e);
        schedule_finish(s, e, NULL, &error);
    }
    if (!s->stopping)
        session_drain(s);
}

void drain_cancel_all(struct viv_supervisor *s, bool force)
{
    for (struct execution *e = s->oldest, *next; e; e = next) {
        next = e->next;
        cancel_execution(e, VIV_CAUSE_DRAIN, NULL, force);
    }
}

void drain_check(struct viv_supervisor *s)
{
    struct drain_request *r = s->drain_requests;

    if (s->oldest || (s->sessions->count > 0 && !s->stopping))
        return;
    timers_stop(&s->timers, &s->drain_timer);
    s->drain_requests = NULL;
    while (r) {
        struct drain_request *next = r->next;

        if (r->done)
            r->done(r->arg);
        free(r);
        r = next;
    }
}

void drain_fired(struct timer *timer, int64_t now_ns)
{
    drain_cancel_all(
        (struct viv_supervisor *)((char *)timer - offsetof(struct viv_supervisor, drain_timer)),
        false);
}

static void drain(struct viv_supervisor *s, struct command *command)
{
    struct drain_request *r = (struct drain_request *)command;

    r->next = s->drain_requests;
    s->drain_requests = r;
    if (r->grace_ns <= 0)
        drain_cancel_all(s, false);
    else if (s->drain_timer.place == 0 || s->drain_timer.at_ns > clock_now() + r->grace_ns)
        timers_set(&s->timers, &s->drain_timer, clock_now() + r->grace_ns);
    drain_begin(s);
    drain_check(s);
}

int viv_drain(struct viv_supervisor *supervisor, int64_t grace_ns, void (*done)(void *arg),
              void *arg, struct viv_error *err)
{
    struct drain_request *r = calloc(1, sizeof(*r));

    if (!r)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    r->command.run = drain;
    r->grace_ns = grace_ns;
    r->done = done;
    r->arg = arg;
    inbox_post(&supervisor->inbox, &r->command);
    return 0;
}
