#include "tests/unit/tenant/fair_model.h"

static fair_time by_weight(const struct model_flow *f, int64_t ns)
{
    return (fair_time)ns * 1048576 / f->share.weight;
}

void model_init(struct model *m, int64_t cost_min_ns)
{
    *m = (struct model){
        .cost_min_ns = cost_min_ns, .typical_ns = cost_min_ns, .kinds = FAIR_ALL_KINDS};
}

unsigned model_count(const struct model *m, int flow, enum model_state state)
{
    unsigned count = 0;

    for (int i = 0; i < MODEL_ITEMS; i++)
        count += m->items[i].state == state && (flow < 0 || m->items[i].flow == flow);
    return count;
}

static bool stands_before(const struct model_item *a, const struct model_item *b)
{
    return a->level != b->level ? a->level < b->level : a->order < b->order;
}

static int first_of(const struct model *m, int flow)
{
    int found = -1;

    for (int i = 0; i < MODEL_ITEMS; i++) {
        const struct model_item *item = &m->items[i];

        if (item->state == MODEL_WAITS && item->flow == flow &&
            (found < 0 || stands_before(item, &m->items[found])))
            found = i;
    }
    return found;
}

static bool is_ready(const struct model *m, int flow)
{
    const struct fair_share *share = &m->flows[flow].share;
    int first = first_of(m, flow);
    uint64_t size = 0;

    for (int i = 0; i < MODEL_ITEMS; i++)
        if (m->items[i].state == MODEL_RUNS && m->items[i].flow == flow)
            size += m->items[i].size;
    return first >= 0 && model_count(m, flow, MODEL_RUNS) < share->running_max &&
           (model_count(m, flow, MODEL_RUNS) == 0 ||
            size + m->items[first].size <= share->size_max);
}

static void update(struct model *m, int flow)
{
    struct model_flow *f = &m->flows[flow];
    bool ready = is_ready(m, flow);
    fair_time floor = m->now - by_weight(f, FAIR_CREDIT_NS);

    if (ready && !f->was_ready && f->pass < floor)
        f->pass = floor;
    f->was_ready = ready;
}

static int next_flow(const struct model *m)
{
    int found = -1;

    for (int i = 0; i < m->flow_count; i++) {
        const struct model_flow *f = &m->flows[i], *best = &m->flows[found < 0 ? 0 : found];

        if (is_ready(m, i) && (m->kinds >> m->items[first_of(m, i)].kind & 1) &&
            (found < 0 || f->pass < best->pass ||
             (f->pass == best->pass && f->served < best->served)))
            found = i;
    }
    return found;
}

int model_next(const struct model *m)
{
    int flow = next_flow(m);

    return flow < 0 ? -1 : first_of(m, flow);
}

static void charge(struct model *m, struct model_item *item, int64_t to_ns)
{
    struct model_flow *f = &m->flows[item->flow];

    f->pass += by_weight(f, to_ns - item->charged_ns);
    item->charged_ns = to_ns;
    if (m->horizon < f->pass)
        m->horizon = f->pass;
}

static void advance(struct model *m)
{
    int flow = next_flow(m);

    if (flow >= 0 && m->now < m->flows[flow].pass)
        m->now = m->flows[flow].pass;
}

static void tick(struct model *m, int64_t now_ns)
{
    if (now_ns - m->ticked_ns < FAIR_TICK_NS)
        return;
    m->ticked_ns = now_ns;
    for (int i = 0; i < MODEL_ITEMS; i++)
        if (m->items[i].state == MODEL_RUNS &&
            now_ns - m->items[i].began_ns > m->items[i].charged_ns)
            charge(m, &m->items[i], now_ns - m->items[i].began_ns);
    advance(m);
}

int model_add_flow(struct model *m, const struct fair_share *share)
{
    m->flows[m->flow_count] = (struct model_flow){.share = *share};
    return m->flow_count++;
}

void model_share(struct model *m, int flow, const struct fair_share *share)
{
    m->flows[flow].share = *share;
    update(m, flow);
}

void model_push(struct model *m, int flow, int item, const struct fair_item *as, int64_t now_ns)
{
    struct model_flow *f = &m->flows[flow];

    tick(m, now_ns);
    if (model_count(m, -1, MODEL_WAITS) == 0 && m->now < m->horizon)
        m->now = m->horizon;
    if (model_count(m, flow, MODEL_WAITS) == 0 && f->pass < m->now)
        f->pass = m->now;
    if (f->served == 0)
        f->served = INT64_MIN + ++m->arrivals;
    m->items[item] = (struct model_item){.state = MODEL_WAITS,
                                         .flow = flow,
                                         .level = as->level,
                                         .kind = as->kind,
                                         .size = as->size,
                                         .order = ++m->last_order};
    update(m, flow);
}

static void start(struct model *m, int number, int64_t now_ns)
{
    struct model_item *item = &m->items[number];
    struct model_flow *f = &m->flows[item->flow];
    int64_t estimate = f->typical_ns ? f->typical_ns : m->typical_ns;

    if (estimate > FAIR_ESTIMATE_MAX_NS)
        estimate = FAIR_ESTIMATE_MAX_NS;
    if (estimate < m->cost_min_ns)
        estimate = m->cost_min_ns;
    item->state = MODEL_RUNS;
    item->began_ns = now_ns;
    item->charged_ns = 0;
    f->served = ++m->starts;
    charge(m, item, estimate);
    update(m, item->flow);
}

int model_pop(struct model *m, unsigned kinds, int64_t now_ns)
{
    int next;

    m->kinds = kinds;
    tick(m, now_ns);
    next = model_next(m);
    if (next < 0)
        return -1;
    advance(m);
    start(m, next, now_ns);
    return next;
}

void model_start(struct model *m, int flow, int item, uint64_t size, int64_t now_ns)
{
    tick(m, now_ns);
    m->items[item] = (struct model_item){.flow = flow, .size = size};
    start(m, item, now_ns);
}

unsigned model_startable(const struct model *m)
{
    unsigned sum = 0;

    for (int i = 0; i < m->flow_count; i++) {
        unsigned waits = model_count(m, i, MODEL_WAITS), runs = model_count(m, i, MODEL_RUNS);
        unsigned room = m->flows[i].share.running_max - runs;

        if (is_ready(m, i))
            sum += waits < room ? waits : room;
    }
    return sum;
}

void model_remove(struct model *m, int item)
{
    m->items[item].state = MODEL_NOWHERE;
    update(m, m->items[item].flow);
}

void model_done(struct model *m, int item, int64_t now_ns)
{
    struct model_item *it = &m->items[item];
    struct model_flow *f = &m->flows[it->flow];
    int64_t cost = now_ns - it->began_ns;

    if (cost < m->cost_min_ns)
        cost = m->cost_min_ns;
    charge(m, it, cost);
    f->typical_ns = f->typical_ns ? f->typical_ns + (cost - f->typical_ns) / 8 : cost;
    m->typical_ns += (cost - m->typical_ns) / 8;
    model_remove(m, item);
}

void model_requeue(struct model *m, int item)
{
    charge(m, &m->items[item], 0);
    m->items[item].state = MODEL_WAITS;
    m->items[item].order = --m->first_order;
    update(m, m->items[item].flow);
}

static bool has_more(const struct model *m, int a, int b, unsigned extra_b)
{
    uint64_t of_a = model_count(m, a, MODEL_WAITS) + m->flows[a].aside;
    uint64_t of_b = model_count(m, b, MODEL_WAITS) + m->flows[b].aside + extra_b;

    return of_a * m->flows[b].share.weight > of_b * m->flows[a].share.weight;
}

bool model_surplus_is_right(const struct model *m, int arriving, int flow)
{
    for (int i = 0; i < m->flow_count; i++) {
        if (flow < 0 && i != arriving && has_more(m, i, arriving, 1))
            return false;
        /* Where several have the most, any of them will do. */
        if (flow >= 0 && has_more(m, i, flow, 0))
            return false;
    }
    return flow < 0 || (flow != arriving && has_more(m, flow, arriving, 1));
}
