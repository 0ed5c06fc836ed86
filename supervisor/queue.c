#include "supervisor/queue.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/profile.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

static struct execution *of_item(struct fair_item *item)
{
    return (struct execution *)((char *)item - offsetof(struct execution, item));
}

void queue_meet(struct viv_supervisor *s, struct tenant *t)
{
    struct fair_share share;

    if (t->known)
        return;
    pthread_mutex_lock(&s->inbox.lock);
    share = tenants_share(t);
    t->known = true;
    pthread_mutex_unlock(&s->inbox.lock);
    fair_flow_init(&t->flow, &share);
    TAILQ_INIT(&t->executions);
}

static unsigned room(const struct viv_supervisor *s)
{
    unsigned growth = s->config.workers_max - s->busy_count;
    unsigned most = s->config.queue_max + growth,
             waits = s->fair.queued + s->waiting_count + s->parked_count;

    return waits < most ? most - waits : 0;
}

static int fail_full(const struct viv_supervisor *s, struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                    "%u executions run and %u wait, the most there may be: try again later",
                    s->busy_count, s->fair.queued + s->waiting_count + s->parked_count);
}

/* When a tenant should come again. */
static int64_t delay(struct viv_supervisor *s, const struct tenant *t)
{
    int64_t ns;

    pthread_mutex_lock(&s->inbox.lock);
    ns = pace_delay(&t->pace, t->places, clock_now());
    pthread_mutex_unlock(&s->inbox.lock);
    return ns;
}

/* The last of a tenant's that waits, for its session or for a worker. */
static struct execution *last_waiting(const struct tenant *t)
{
    struct execution *e;

    TAILQ_FOREACH_REVERSE(e, &t->executions, tenant_executions, of_tenant) {
        if (e->phase == EXECUTION_WAITING || e->phase == EXECUTION_QUEUED)
            break;
    }
    return e;
}

static bool make_room(struct viv_supervisor *s, const struct tenant *arriving)
{
    struct fair_flow *flow = fair_surplus(&s->fair, &arriving->flow);
    struct execution *e =
        flow ? last_waiting((struct tenant *)((char *)flow - offsetof(struct tenant, flow))) : NULL;
    struct viv_error error;

    if (!e)
        return false;
    viv_fail(&error, VIV_RESOURCE_EXHAUSTED,
             "the queue is full and other tenants have less than their share of it: try again "
             "later");
    viv_retry_after(&error, delay(s, e->tenant));
    schedule_unqueue(s, e);
    schedule_finish(s, e, NULL, &error);
    return true;
}

int queue_admit(struct viv_supervisor *s, const struct execution *e, struct viv_error *err)
{
    if (room(s) > 0 || (make_room(s, e->tenant) && room(s) > 0))
        return 0;
    fail_full(s, err);
    return viv_retry_after(err, delay(s, e->tenant));
}

void queue_push(struct viv_supervisor *s, struct execution *e)
{
    e->phase = EXECUTION_QUEUED;
    e->item.kind = e->exec ? QUEUE_EXEC : QUEUE_FORK;
    fair_push(&s->fair, &e->tenant->flow, &e->item, clock_now());
}

struct execution *queue_pop(struct viv_supervisor *s, unsigned kinds)
{
    struct fair_item *item = fair_pop(&s->fair, kinds, clock_now());
    struct execution *e = item ? of_item(item) : NULL;

    if (e)
        e->phase = EXECUTION_UNBORN;
    return e;
}

void queue_remove(struct viv_supervisor *s, struct execution *e)
{
    fair_remove(&s->fair, &e->item);
    e->phase = EXECUTION_UNBORN;
}

void queue_began(struct viv_supervisor *s, struct execution *e)
{
    if (e->item.flow || execution_is_own(e))
        return;
    fair_start(&s->fair, &e->tenant->flow, &e->item, clock_now());
}

void queue_aside(struct viv_supervisor *s, struct execution *e, int change)
{
    s->waiting_count += (unsigned)change;
    fair_aside(&s->fair, &e->tenant->flow, change);
}

static bool has_room(const struct execution *e)
{
    return execution_is_own(e) || fair_has_room(&e->tenant->flow, &e->item);
}

bool queue_may_start(struct viv_supervisor *s, struct execution *e)
{
    if (has_room(e))
        return true;
    e->phase = EXECUTION_QUEUED;
    e->held = true;
    TAILQ_INSERT_TAIL(&s->held, e, of_held);
    queue_aside(s, e, +1);
    schedule_timer(e);
    return false;
}

void queue_unhold(struct viv_supervisor *s, struct execution *e)
{
    TAILQ_REMOVE(&s->held, e, of_held);
    e->held = false;
    e->phase = EXECUTION_UNBORN;
    queue_aside(s, e, -1);
}

void queue_serve_held(struct viv_supervisor *s)
{
    struct execution *e = TAILQ_FIRST(&s->held);

    while (e && !s->stopping) {
        if (!has_room(e)) {
            e = TAILQ_NEXT(e, of_held);
            continue;
        }
        queue_unhold(s, e);
        schedule_assign(s, e, e->session->worker);
        e = TAILQ_FIRST(&s->held); /* what was called may have changed the list */
    }
}

void queue_put_back(struct viv_supervisor *s, struct execution *e)
{
    e->phase = EXECUTION_QUEUED;
    fair_requeue(&s->fair, &e->item);
}

void queue_give_up(struct viv_supervisor *s, struct execution *e)
{
    fair_requeue(&s->fair, &e->item);
    fair_remove(&s->fair, &e->item);
}

void queue_ended(struct viv_supervisor *s, struct execution *e)
{
    if (e->item.flow)
        fair_done(&s->fair, &e->item, clock_now());
}

/* --- the table of tenants -------------------------------------------------------- */

static void give_shares(struct viv_supervisor *s, struct command *command)
{
    pthread_mutex_lock(&s->inbox.lock);
    for (unsigned i = 0; i < s->tenants.used; i++) {
        struct tenant *t = &s->tenants.all[i];
        struct fair_share share = tenants_share(t);

        if (t->known)
            fair_flow_share(&s->fair, &t->flow, &share);
    }
    pthread_mutex_unlock(&s->inbox.lock);
    pool_assign(s);
    free(command);
}

int viv_supervisor_set_tenants(struct viv_supervisor *supervisor,
                               const struct viv_tenant_config *tenants, size_t count,
                               struct viv_error *err)
{
    struct command *command = calloc(1, sizeof(*command));
    struct viv_tenant_config *rules;

    if (!command)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    if (profiles_check_tenants(supervisor->profiles, supervisor->zygote_count, tenants, count,
                               err) < 0 ||
        tenants_rules_new(tenants, count, &rules, err) < 0) {
        free(command);
        return -1;
    }
    pthread_mutex_lock(&supervisor->inbox.lock);
    tenants_replace(&supervisor->tenants, rules, count);
    pthread_mutex_unlock(&supervisor->inbox.lock);
    command->run = give_shares;
    inbox_post(&supervisor->inbox, command);
    return 0;
}
