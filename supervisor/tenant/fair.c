#include "supervisor/tenant/fair.h"

/* So that what a large weight does to a small charge isn't rounded away. */
#define SCALE ((fair_time)1 << 20)

static struct fair_flow *of_ready(const struct heap_node *node)
{
    return (struct fair_flow *)((char *)node - offsetof(struct fair_flow, ready));
}

static struct fair_flow *of_large(const struct heap_node *node)
{
    return (struct fair_flow *)((char *)node - offsetof(struct fair_flow, large));
}

/* Among equals the one that has waited longest for its turn. */
static bool goes_first(const struct heap_node *a, const struct heap_node *b)
{
    const struct fair_flow *f = of_ready(a), *g = of_ready(b);

    return f->pass != g->pass ? f->pass < g->pass : f->served < g->served;
}

/* Whether m items by weight v are more than n items by weight w. */
static bool more(uint64_t m, unsigned v, uint64_t n, unsigned w)
{
    return m * w > n * v;
}

static uint64_t waiting(const struct fair_flow *f)
{
    return (uint64_t)f->queued + f->aside;
}

static bool is_larger(const struct heap_node *a, const struct heap_node *b)
{
    const struct fair_flow *f = of_large(a), *g = of_large(b);

    return more(waiting(f), f->share.weight, waiting(g), g->share.weight);
}

int fair_init(struct fair_queue *queue, size_t flows, int64_t cost_min_ns, struct viv_error *err)
{
    struct fair_queue q = {
        .kinds = FAIR_ALL_KINDS, .cost_min_ns = cost_min_ns, .typical_ns = cost_min_ns};
    int rc = heap_init(&q.large, flows, is_larger, err);

    for (unsigned i = 0; i < FAIR_KINDS && rc == 0; i++)
        rc = heap_init(&q.ready[i], flows, goes_first, err);
    if (rc < 0) {
        fair_free(&q);
        return -1;
    }
    *queue = q;
    TAILQ_INIT(&queue->running_items);
    return 0;
}

void fair_free(struct fair_queue *queue)
{
    for (unsigned i = 0; i < FAIR_KINDS; i++)
        heap_free(&queue->ready[i]);
    heap_free(&queue->large);
}

void fair_flow_init(struct fair_flow *flow, const struct fair_share *share)
{
    *flow = (struct fair_flow){.share = *share};
    for (unsigned i = 0; i < FAIR_LEVELS; i++)
        TAILQ_INIT(&flow->lines[i]);
}

static struct fair_item *head(const struct fair_flow *f)
{
    for (unsigned i = 0; i < FAIR_LEVELS; i++)
        if (!TAILQ_EMPTY(&f->lines[i]))
            return TAILQ_FIRST(&f->lines[i]);
    return NULL;
}

/* Alone it always fits: a cap may have shrunk since it was queued. */
static bool fits(const struct fair_flow *f, const struct fair_item *item)
{
    return f->running == 0 || (f->size_running <= f->share.size_max &&
                               item->size <= f->share.size_max - f->size_running);
}

bool fair_has_room(const struct fair_flow *flow, const struct fair_item *item)
{
    return flow->running < flow->share.running_max && fits(flow, item);
}

/* What doesn't fit holds back what stands behind it: else small ones could keep
 * a large one waiting for ever. */
static bool may_start(const struct fair_flow *f)
{
    const struct fair_item *first = head(f);

    return first && fair_has_room(f, first);
}

static unsigned startable(const struct fair_flow *f)
{
    unsigned room = f->share.running_max - f->running;

    if (!may_start(f))
        return 0;
    return f->queued < room ? f->queued : room;
}

static fair_time by_weight(const struct fair_flow *f, int64_t ns)
{
    return (fair_time)ns * SCALE / f->share.weight;
}

static void not_before(struct fair_flow *f, fair_time at)
{
    if (f->pass < at)
        f->pass = at;
}

/* Into the heap of its first item's kind. */
static void make_ready(struct fair_queue *q, struct fair_flow *f)
{
    unsigned kind = head(f)->kind;

    if (f->ready.place == 0)
        not_before(f, q->now - by_weight(f, FAIR_CREDIT_NS));
    else if (f->kind != kind)
        heap_remove(&q->ready[f->kind], &f->ready);
    f->kind = kind;
    heap_set(&q->ready[kind], &f->ready);
}

/* After any change of a flow. */
static void place(struct fair_queue *q, struct fair_flow *f)
{
    q->startable -= f->startable;
    f->startable = startable(f);
    q->startable += f->startable;
    if (waiting(f) > 0)
        heap_set(&q->large, &f->large);
    else
        heap_remove(&q->large, &f->large);
    if (f->startable > 0)
        make_ready(q, f);
    else
        heap_remove(&q->ready[f->kind], &f->ready);
}

static void charge(struct fair_queue *q, struct fair_item *item, int64_t to_ns)
{
    struct fair_flow *f = item->flow;

    f->pass += by_weight(f, to_ns - item->charged_ns);
    item->charged_ns = to_ns;
    if (q->horizon < f->pass)
        q->horizon = f->pass;
}

/* Of what could start of late: others may stay behind for long. */
static struct fair_flow *next_flow(const struct fair_queue *q)
{
    const struct heap_node *best = NULL;

    for (unsigned i = 0; i < FAIR_KINDS; i++) {
        const struct heap_node *first = heap_first(&q->ready[i]);

        if (first && (q->kinds >> i & 1) && (!best || goes_first(first, best)))
            best = first;
    }
    return best ? of_ready(best) : NULL;
}

static void advance(struct fair_queue *q)
{
    const struct fair_flow *first = next_flow(q);

    if (first && q->now < first->pass)
        q->now = first->pass;
}

/* What runs longer than it was charged for is charged as it goes: else those
 * who run long would have taken every worker before they are charged at all. */
static void tick(struct fair_queue *q, int64_t now_ns)
{
    struct fair_item *item;

    if (now_ns - q->ticked_ns < FAIR_TICK_NS)
        return;
    q->ticked_ns = now_ns;
    TAILQ_FOREACH(item, &q->running_items, link) {
        if (now_ns - item->began_ns <= item->charged_ns)
            continue;
        charge(q, item, now_ns - item->began_ns);
        place(q, item->flow);
    }
    advance(q);
}

void fair_flow_share(struct fair_queue *queue, struct fair_flow *flow,
                     const struct fair_share *share)
{
    flow->share = *share;
    place(queue, flow);
}

void fair_push(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item,
               int64_t now_ns)
{
    tick(queue, now_ns);
    /* Nobody waited, so nobody is owed anything: all begin in one place. */
    if (queue->queued == 0 && queue->now < queue->horizon)
        queue->now = queue->horizon;
    /* Nor is a flow owed what it didn't ask for. */
    if (flow->queued == 0)
        not_before(flow, queue->now);
    if (flow->served == 0)
        flow->served = INT64_MIN + ++queue->arrivals;
    item->flow = flow;
    item->running = false;
    TAILQ_INSERT_TAIL(&flow->lines[item->level], item, link);
    flow->queued++;
    queue->queued++;
    place(queue, flow);
}

static void unqueue(struct fair_queue *q, struct fair_item *item)
{
    TAILQ_REMOVE(&item->flow->lines[item->level], item, link);
    item->flow->queued--;
    q->queued--;
}

static int64_t estimate(const struct fair_queue *q, const struct fair_flow *f)
{
    int64_t ns = f->typical_ns ? f->typical_ns : q->typical_ns;

    if (ns > FAIR_ESTIMATE_MAX_NS)
        ns = FAIR_ESTIMATE_MAX_NS;
    return ns > q->cost_min_ns ? ns : q->cost_min_ns;
}

static void start(struct fair_queue *q, struct fair_item *item, int64_t now_ns)
{
    struct fair_flow *f = item->flow;

    TAILQ_INSERT_TAIL(&q->running_items, item, link);
    item->running = true;
    item->began_ns = now_ns;
    item->charged_ns = 0;
    f->running++;
    q->running++;
    f->size_running += item->size;
    f->served = ++q->starts;
    charge(q, item, estimate(q, f));
}

struct fair_item *fair_pop(struct fair_queue *queue, unsigned kinds, int64_t now_ns)
{
    struct fair_flow *first;
    struct fair_item *item;

    queue->kinds = kinds;
    tick(queue, now_ns);
    first = next_flow(queue);
    if (!first)
        return NULL;
    advance(queue);
    item = head(first);
    unqueue(queue, item);
    start(queue, item, now_ns);
    place(queue, item->flow);
    return item;
}

void fair_start(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item,
                int64_t now_ns)
{
    tick(queue, now_ns);
    item->flow = flow;
    start(queue, item, now_ns);
    place(queue, flow);
}

void fair_remove(struct fair_queue *queue, struct fair_item *item)
{
    struct fair_flow *flow = item->flow;

    unqueue(queue, item);
    item->flow = NULL;
    place(queue, flow);
}

static void stop(struct fair_queue *q, struct fair_item *item)
{
    TAILQ_REMOVE(&q->running_items, item, link);
    item->running = false;
    item->flow->running--;
    q->running--;
    item->flow->size_running -= item->size;
}

static void learn(int64_t *typical_ns, int64_t cost_ns)
{
    if (*typical_ns == 0)
        *typical_ns = cost_ns;
    else
        *typical_ns += (cost_ns - *typical_ns) / 8;
}

void fair_done(struct fair_queue *queue, struct fair_item *item, int64_t now_ns)
{
    struct fair_flow *flow = item->flow;
    int64_t cost = now_ns - item->began_ns;

    if (cost < queue->cost_min_ns)
        cost = queue->cost_min_ns;
    charge(queue, item, cost);
    learn(&flow->typical_ns, cost);
    learn(&queue->typical_ns, cost);
    stop(queue, item);
    item->flow = NULL;
    place(queue, flow);
}

void fair_requeue(struct fair_queue *queue, struct fair_item *item)
{
    struct fair_flow *flow = item->flow;

    charge(queue, item, 0);
    stop(queue, item);
    TAILQ_INSERT_HEAD(&flow->lines[item->level], item, link);
    flow->queued++;
    queue->queued++;
    place(queue, flow);
}

void fair_aside(struct fair_queue *queue, struct fair_flow *flow, int change)
{
    flow->aside += (unsigned)change;
    place(queue, flow);
}

struct fair_flow *fair_surplus(const struct fair_queue *queue, const struct fair_flow *arriving)
{
    const struct heap_node *first = heap_first(&queue->large);
    struct fair_flow *f = first ? of_large(first) : NULL;

    if (!f || f == arriving ||
        !more(waiting(f), f->share.weight, waiting(arriving) + 1, arriving->share.weight))
        return NULL;
    return f;
}
