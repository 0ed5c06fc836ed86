/* Every cause of a cancel takes this one way. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"

static void cancel_queued(struct execution *e)
{
    struct viv_supervisor *s = e->supervisor;

    schedule_unqueue(s, e);
    e->answered_ns = clock_now();
    schedule_finish(s, e, NULL, NULL);
}

void cancel_execution(struct execution *e, enum viv_cause cause, const char *reason, bool force)
{
    bool first = cancel_record_latch(&e->cancel, cause, reason, clock_now());

    if (!first && (!force || e->forced))
        return;
    e->forced = force;
    if (e->phase == EXECUTION_QUEUED || e->phase == EXECUTION_WAITING) {
        cancel_queued(e);
        return;
    }
    if (e->phase != EXECUTION_RUNNING)
        return;
    schedule_read_on(e);
    worker_event(e->worker, force ? WORKER_KILL : WORKER_CANCEL);
    schedule_timer(e);
}

struct cancel_command {
    struct command command;
    viv_ticket ticket; /* 0: by name */
    enum viv_cause cause;
    char reason[257];
    bool force, wait;
    char tenant[VIV_ID_MAX + 1], id[VIV_ID_MAX + 1];
    viv_cancel_done *done;
    void *arg;
};

static void cancel_by_ticket(struct viv_supervisor *s, struct command *command)
{
    struct cancel_command *c = (struct cancel_command *)command;
    struct execution *e = schedule_find(s, c->ticket);

    if (e)
        cancel_execution(e, c->cause, c->reason, c->force);
    free(c);
}

static void answer_absent(struct viv_supervisor *s, const struct cancel_command *c)
{
    struct early_cancel early = {.at_ns = clock_now(), .force = c->force};

    if (remembered_ended(&s->remembered, registry_hash(&s->registry, c->tenant, c->id),
                         early.at_ns)) {
        c->done(c->arg, VIV_CANCEL_FINISHED, NULL);
        return;
    }
    memcpy(early.tenant, c->tenant, sizeof(early.tenant));
    memcpy(early.id, c->id, sizeof(early.id));
    memcpy(early.reason, c->reason, sizeof(early.reason));
    remembered_cancel(&s->remembered, &early);
    c->done(c->arg, VIV_CANCEL_NOT_FOUND, NULL);
}

/* Before the cancel itself, which may end the execution at once. */
static bool add_waiter(struct execution *e, const struct cancel_command *c)
{
    struct waiter *w = malloc(sizeof(*w));

    if (!w)
        return false;
    *w = (struct waiter){.next = e->waiters, .done = c->done, .arg = c->arg};
    e->waiters = w;
    return true;
}

static void cancel_by_name(struct viv_supervisor *s, struct command *command)
{
    struct cancel_command *c = (struct cancel_command *)command;
    struct name *name = registry_find(&s->registry, c->tenant, c->id);

    if (!name) {
        answer_absent(s, c);
    } else {
        struct execution *e = (struct execution *)((char *)name - offsetof(struct execution, name));
        bool waits = c->wait && add_waiter(e, c);

        if (!waits)
            c->done(c->arg, VIV_CANCEL_CANCELLING, NULL);
        cancel_execution(e, VIV_CAUSE_CANCEL_RPC, c->reason, c->force);
    }
    free(c);
}

static void set_text(char *to, size_t size, const char *from)
{
    strncpy(to, from ? from : "", size - 1);
}

void viv_cancel_ticket(struct viv_supervisor *supervisor, viv_ticket ticket, enum viv_cause cause,
                       const char *reason)
{
    struct cancel_command *c = calloc(1, sizeof(*c));

    if (!c)
        return; /* the wall limit still ends it */
    c->command.run = cancel_by_ticket;
    c->ticket = ticket;
    c->cause = cause;
    set_text(c->reason, sizeof(c->reason), reason);
    inbox_post(&supervisor->inbox, &c->command);
}

int viv_cancel(struct viv_supervisor *supervisor, const struct viv_cancel *cancel,
               viv_cancel_done *done, void *arg, struct viv_error *err)
{
    struct cancel_command *c;

    if (limits_check_id("execution_id", cancel->execution_id ? cancel->execution_id : "", err) < 0)
        return -1;
    if (cancel->tenant && limits_check_id("the tenant", cancel->tenant, err) < 0)
        return -1;
    if (cancel->reason && strlen(cancel->reason) > 256)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "reason must be at most 256 bytes");
    c = calloc(1, sizeof(*c));
    if (!c)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    c->command.run = cancel_by_name;
    set_text(c->tenant, sizeof(c->tenant), cancel->tenant ? cancel->tenant : "default");
    set_text(c->id, sizeof(c->id), cancel->execution_id);
    set_text(c->reason, sizeof(c->reason), cancel->reason);
    c->force = cancel->force;
    c->wait = cancel->wait;
    c->done = done;
    c->arg = arg;
    inbox_post(&supervisor->inbox, &c->command);
    return 0;
}
