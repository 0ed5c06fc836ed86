/* Which workers there are: a floor of pristine ones, growth for the queue, a
 * ceiling over all. */
#include <stddef.h>

#include "supervisor/clock.h"
#include "supervisor/queue.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

/* Starts in flight: more would only queue up before the zygote, which clones
 * one at a time. */
#define STARTS_MAX 16
#define RETRY_NS INT64_C(1000000)

void pool_offer(struct viv_supervisor *s, struct worker *w)
{
    w->next_idle = s->idle;
    s->idle = w;
    pool_assign(s);
}

void pool_forget_idle(struct viv_supervisor *s, struct worker *w)
{
    struct worker **at = &s->idle;

    while (*at && *at != w)
        at = &(*at)->next_idle;
    if (*at)
        *at = w->next_idle;
}

void pool_assign(struct viv_supervisor *s)
{
    while (s->idle) {
        struct execution *e = queue_pop(s);

        if (!e)
            break;
        if (!schedule_too_late(s, e))
            schedule_assign(s, e, s->idle);
    }
}

static struct worker *free_slot(struct viv_supervisor *s)
{
    for (unsigned i = 0; i < s->config.workers_max; i++)
        if (s->workers[i].state == WORKER_FREE)
            return &s->workers[i];
    return NULL;
}

static unsigned occupied(const struct viv_supervisor *s)
{
    return s->idle_count + s->starting_count + s->busy_count + s->held_count + s->ending_count;
}

static void retry_later(struct viv_supervisor *s)
{
    int64_t delay = RETRY_NS;

    /* Workers that die while they start would otherwise keep a core busy. */
    for (unsigned i = 0; i < s->failed_starts && i < 12; i++)
        delay *= 2;
    if (s->refill_retry.place == 0)
        timers_set(&s->timers, &s->refill_retry, clock_now() + delay);
}

void pool_refill_retry(struct timer *timer, int64_t now_ns)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)timer - offsetof(struct viv_supervisor, refill_retry));

    pool_refill(s);
}

/* Workers that sessions hold without using them are the pool's reserve. */
static void evict_for_queue(struct viv_supervisor *s)
{
    unsigned coming = s->idle_count + s->starting_count + s->ending_count + s->sessions->evicting;

    while (s->fair.startable > coming && occupied(s) >= s->config.workers_max &&
           session_evict_one(s, NULL))
        coming++;
}

void pool_refill(struct viv_supervisor *s)
{
    unsigned wanted = s->config.workers_warm + s->fair.startable;

    if (s->zygote != ZYGOTE_READY || s->stopping || s->refill_retry.place != 0)
        return;
    if (s->draining)
        wanted = s->fair.startable;
    evict_for_queue(s);
    while (s->idle_count + s->starting_count < wanted && s->starting_count < STARTS_MAX &&
           occupied(s) < s->config.workers_max) {
        struct worker *w = free_slot(s);

        if (!w || worker_spawn(w, NULL) < 0 || s->failed_starts > 0) {
            retry_later(s);
            return;
        }
    }
}
