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
/* A clone keeps a processor busy for about as long as a short execution takes. While there is a
 * reserve, its replacement waits until that is answered, or for so long. */
#define RESERVE_PAUSE_NS INT64_C(1000000)
/* Starts with a zygote of its own that fail in a row before those who wait are told. */
#define EXEC_TRIES 3

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

static struct worker *idle_of(const struct viv_supervisor *s, const struct demand_tenant *demand)
{
    struct worker *w = s->idle;

    while (w && w->demand != demand)
        w = w->next_idle;
    return w;
}

static unsigned occupied(const struct viv_supervisor *s)
{
    return s->idle_count + s->starting_count + s->busy_count + s->held_count + s->ending_count;
}

/* --- executions whose worker is on its way -------------------------------- */

static void park(struct viv_supervisor *s, struct execution *e, struct demand_tenant *demand)
{
    e->phase = EXECUTION_QUEUED;
    e->parked = demand;
    e->next_parked = NULL;
    *s->parked_last = e;
    s->parked_last = &e->next_parked;
    s->parked_count++;
    e->zygote->parked_count++;
    demand->queued++;
    schedule_timer(e);
}

/* `at` is where the list holds it. */
static struct execution *unpark(struct viv_supervisor *s, struct execution **at)
{
    struct execution *e = *at;

    *at = e->next_parked;
    if (!*at)
        s->parked_last = at;
    s->parked_count--;
    e->zygote->parked_count--;
    e->parked->queued--;
    e->parked = NULL;
    e->phase = EXECUTION_UNBORN;
    return e;
}

void pool_unpark(struct viv_supervisor *s, struct execution *e)
{
    struct execution **at = &s->parked_first;

    while (*at && *at != e)
        at = &(*at)->next_parked;
    if (*at)
        unpark(s, at);
}

static void serve_parked(struct viv_supervisor *s)
{
    struct execution **at = &s->parked_first;

    while (*at) {
        struct worker *w = idle_of(s, (*at)->parked);

        if (!w) {
            at = &(*at)->next_parked;
            continue;
        }
        schedule_take_turn(s, unpark(s, at), w);
        at = &s->parked_first; /* what was called may have changed the list */
    }
}

static bool is_ready(const struct zygote *z)
{
    return z->phase == ZYGOTE_READY;
}

static bool any_ready(const struct viv_supervisor *s)
{
    for (size_t i = 0; i < s->zygote_count; i++)
        if (is_ready(&s->zygotes[i]))
            return true;
    return false;
}

/* Of those who wait for a zygote that is down nobody can be helped by a worker. */
static unsigned unserved_of(const struct viv_supervisor *s, bool exec)
{
    unsigned sum = 0;

    for (size_t i = 0; i < s->zygote_count; i++)
        if (is_ready(&s->zygotes[i]))
            sum += demand_unserved(&s->zygotes[i].demand, exec);
    return sum;
}

static unsigned unserved_by_all(const struct viv_supervisor *s)
{
    return unserved_of(s, false) + unserved_of(s, true);
}

static unsigned forks_starting(const struct viv_supervisor *s)
{
    return s->starting_count - s->exec_starting_count;
}

/* Whether one more may have its turn: a worker waits for it, or one of another
 * tenant or profile that can give way, or there is room for a new one. */
static bool has_fork_capacity(const struct viv_supervisor *s)
{
    unsigned unserved = unserved_by_all(s);
    unsigned room = s->config.workers_max - occupied(s);

    if (s->idle_count > unserved)
        return true;
    return any_ready(s) && unserved + forks_starting(s) < STARTS_MAX &&
           s->idle_count + room > unserved;
}

/* On the thread alone: a zygote is killed when the thread that started it ends. */
static bool may_start_exec(const struct viv_supervisor *s)
{
    return s->thread_has_turn && s->exec_starting_count < s->exec_starts_max;
}

/* Each needs a zygote's start, a hundred times a clone's work: few at a time. */
static bool has_exec_capacity(const struct viv_supervisor *s)
{
    unsigned unserved = unserved_of(s, true);
    unsigned room = s->config.workers_max - occupied(s);

    if (s->exec_idle_count > unserved)
        return true;
    return any_ready(s) && unserved + s->exec_starting_count < s->exec_starts_max &&
           s->idle_count + room > unserved_by_all(s);
}

/* Those who wait for workers of one kind don't hold up the others. */
static unsigned kinds_with_capacity(const struct viv_supervisor *s)
{
    return (unsigned)has_fork_capacity(s) << QUEUE_FORK | (unsigned)has_exec_capacity(s)
                                                              << QUEUE_EXEC;
}

/* So that those of other profiles get past it. */
static void refuse(struct viv_supervisor *s, struct execution *e)
{
    struct viv_error error;

    viv_fail(&error, VIV_UNAVAILABLE, "profile %s can't make workers at present: try again later",
             e->zygote->profile->name);
    queue_give_up(s, e);
    schedule_finish(s, e, NULL, &error);
}

void pool_broken(struct zygote *z)
{
    struct viv_supervisor *s = z->supervisor;
    struct execution **at = &s->parked_first;

    while (s->zygote_count > 1 && *at) {
        if ((*at)->zygote == z) {
            refuse(s, unpark(s, at));
            at = &s->parked_first; /* what was called may have changed the list */
        } else {
            at = &(*at)->next_parked;
        }
    }
}

/* Whose zygotes have not come up, one after the other, and are not tried yet again. */
static bool is_down(const struct demand_tenant *demand, int64_t now_ns)
{
    return demand->exec && demand->failed >= EXEC_TRIES && demand->starting == 0 &&
           !demand_may_start(demand, now_ns);
}

static void refuse_hopeless(struct viv_supervisor *s, int64_t now_ns)
{
    struct execution **at = &s->parked_first;

    while (*at) {
        if (is_down((*at)->parked, now_ns)) {
            refuse(s, unpark(s, at));
            at = &s->parked_first; /* what was called may have changed the list */
        } else {
            at = &(*at)->next_parked;
        }
    }
}

/* It keeps its turn until there is a worker of its own tenant and profile. */
static void await_worker(struct viv_supervisor *s, struct execution *e,
                         struct demand_tenant *demand)
{
    const struct zygote *z = e->zygote;

    if (is_down(demand, clock_now()))
        refuse(s, e);
    else if (is_ready(z) || (!z->broken && z->parked_count < s->config.workers_max))
        park(s, e, demand);
    else
        refuse(s, e);
}

/* The fair queue says whose turn it is. Who has no waiting worker of his own
 * tenant and profile gets one made, and keeps his turn. */
static void assign(struct viv_supervisor *s)
{
    struct execution *e;
    unsigned kinds;

    serve_parked(s);
    queue_serve_held(s);
    while (!s->stopping && s->fair.startable > 0 && (kinds = kinds_with_capacity(s)) &&
           (e = queue_pop(s, kinds))) {
        struct demand *all = &e->zygote->demand;
        struct demand_tenant *demand = demand_of(all, enforce_tenant(s, e->name.tenant), e->exec);
        struct worker *w = idle_of(s, demand);

        s->exec_asked |= e->exec;
        demand_note(all, demand);
        if (w)
            schedule_take_turn(s, e, w);
        else
            await_worker(s, e, demand);
    }
}

/* Who is refused here hands his session's turn to the next one, who asks for this
 * again: a thousand of them are a loop, not a thousand calls on a small stack. */
void pool_assign(struct viv_supervisor *s)
{
    s->assign_again = true;
    if (s->assigning)
        return;
    s->assigning = true;
    while (s->assign_again) {
        s->assign_again = false;
        assign(s);
    }
    s->assigning = false;
}

/* --- how many there are --------------------------------------------------- */

static struct worker *free_slot(struct viv_supervisor *s)
{
    for (unsigned i = 0; i < s->config.workers_max; i++)
        if (s->workers[i].state == WORKER_FREE && own_zygote_gone(&s->workers[i].own) &&
            enforce_vacant(&s->workers[i]))
            return &s->workers[i];
    return NULL;
}

/* Workers that die while they start would otherwise keep a core busy. The pause
 * is their tenant's own: who has come to his ceiling holds up nobody else. */
void pool_started(struct worker *w, enum worker_state next)
{
    struct demand_tenant *t = w->demand;
    int64_t delay = RETRY_NS;

    if (next == WORKER_STARTING)
        return;
    t->failed = next == WORKER_IDLE ? 0 : t->failed + 1;
    t->not_before_ns = 0;
    if (t->failed == 0)
        return;
    for (unsigned i = 0; i < t->failed && i < 12; i++)
        delay *= 2;
    t->not_before_ns = clock_now() + delay;
}

static void retry_at(struct viv_supervisor *s, int64_t at_ns)
{
    if (at_ns == INT64_MAX)
        return;
    if (s->refill_retry.place == 0 || s->refill_retry.at_ns > at_ns)
        timers_set(&s->timers, &s->refill_retry, at_ns);
}

void pool_refill_retry(struct timer *timer, int64_t now_ns)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)timer - offsetof(struct viv_supervisor, refill_retry));

    pool_refill(s);
}

/* A worker to start. */
struct wanted {
    struct zygote *zygote; /* NULL: none */
    struct demand_tenant *demand;
};

void pool_began(struct viv_supervisor *s)
{
    s->reserve_at_ns = clock_now() + RESERVE_PAUSE_NS;
}

void pool_answered(struct viv_supervisor *s)
{
    s->reserve_at_ns = 0;
}

static bool reserve_waits(const struct viv_supervisor *s, int64_t now_ns)
{
    return s->idle_count > 0 && now_ns < s->reserve_at_ns;
}

/* For the reserve. */
static struct wanted lacking(struct viv_supervisor *s, int64_t now_ns)
{
    for (size_t i = 0; i < s->zygote_count; i++) {
        struct zygote *z = &s->zygotes[i];
        struct demand_tenant *t = NULL;

        if (is_ready(z) && demand_reserve(&z->demand) < z->profile->workers_warm)
            t = demand_lacking(&z->demand, may_start_exec(s), now_ns);
        if (t)
            return (struct wanted){z, t};
    }
    return (struct wanted){0};
}

/* Whose worker to start next: of who waits for one, then the reserve's. */
static struct wanted next_to_start(struct viv_supervisor *s, int64_t now_ns)
{
    for (struct execution *e = s->parked_first; e; e = e->next_parked)
        if (is_ready(e->zygote) && e->parked->queued > e->parked->starting &&
            (!e->parked->exec || may_start_exec(s)) && demand_may_start(e->parked, now_ns))
            return (struct wanted){e->zygote, e->parked};
    return s->draining || reserve_waits(s, now_ns) ? (struct wanted){0} : lacking(s, now_ns);
}

/* Who has the most idle workers above his share. */
static struct demand_tenant *surplus_of_all(const struct viv_supervisor *s)
{
    struct demand_tenant *best = NULL;
    unsigned most = 0;

    for (size_t i = 0; i < s->zygote_count; i++) {
        struct demand_tenant *t = demand_surplus(&s->zygotes[i].demand, &most);

        best = t ? t : best;
    }
    return best;
}

/* One of this tenant (NULL: of any) that waits. */
static bool retire(struct viv_supervisor *s, const struct demand_tenant *demand)
{
    struct worker *w = demand ? idle_of(s, demand) : s->idle;

    if (w)
        worker_event(w, WORKER_KILL);
    return w != NULL;
}

/* Where there is no room for what waits, idle workers of others give way, then
 * those that sessions hold without using them: both are the pool's reserve. */
static void make_room(struct viv_supervisor *s)
{
    unsigned coming = s->idle_count + s->starting_count + s->ending_count + s->sessions->evicting;

    while (occupied(s) >= s->config.workers_max &&
           unserved_by_all(s) > s->ending_count + s->sessions->evicting &&
           retire(s, surplus_of_all(s)))
        continue;
    while (s->parked_count + s->fair.startable > coming && occupied(s) >= s->config.workers_max &&
           session_evict_one(s, NULL))
        coming++;
}

/* One at a time, towards a reserve that is like the last executions. */
static void rebalance(struct viv_supervisor *s, struct zygote *z, int64_t now_ns)
{
    unsigned most = 0;
    struct demand_tenant *t = demand_surplus(&z->demand, &most);

    if (t && s->ending_count == 0 && demand_reserve(&z->demand) >= z->profile->workers_warm &&
        demand_lacking(&z->demand, true, now_ns))
        retire(s, t);
}

static void start_wanted(struct viv_supervisor *s, int64_t now_ns)
{
    struct wanted wanted;

    while (forks_starting(s) < STARTS_MAX && occupied(s) < s->config.workers_max &&
           (wanted = next_to_start(s, now_ns)).zygote) {
        struct worker *w = free_slot(s);

        if (!w || worker_spawn(w, wanted.zygote, wanted.demand, NULL) < 0) {
            wanted.demand->not_before_ns = now_ns + RETRY_NS;
            break;
        }
    }
}

void pool_refill(struct viv_supervisor *s)
{
    int64_t now = clock_now();

    if (!any_ready(s) || s->stopping)
        return;
    refuse_hopeless(s, now);
    pool_assign(s);
    make_room(s);
    start_wanted(s, now);
    /* No caller wakes the thread for it: the answer does, or the thread by itself. */
    if (s->thread_has_turn && reserve_waits(s, now))
        retry_at(s, s->reserve_at_ns);
    for (size_t i = 0; i < s->zygote_count; i++) {
        if (!is_ready(&s->zygotes[i]))
            continue;
        rebalance(s, &s->zygotes[i], now);
        retry_at(s, demand_next_start(&s->zygotes[i].demand, now));
    }
}
