/* The fair queue against its slow model: every short sequence of operations,
 * and long random ones. */
#include "supervisor/tenant/fair.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tenant/fair_model.h"
#include "tests/unit/test.h"

/* Both of them, with the same items. */
struct pair {
    struct fair_queue queue;
    struct fair_flow flows[MODEL_FLOWS];
    struct fair_item items[MODEL_ITEMS];
    struct model model;
    int64_t now_ns;
};

/* Of the items there are; with several, any may be those that may start. */
static unsigned kinds = 1;

static void pair_init(struct pair *p, int64_t cost_min_ns)
{
    memset(p, 0, sizeof(*p));
    p->now_ns = 1;
    assert_int_equal(fair_init(&p->queue, MODEL_FLOWS, cost_min_ns, NULL), 0);
    model_init(&p->model, cost_min_ns);
}

static void pair_flow(struct pair *p, const struct fair_share *share)
{
    fair_flow_init(&p->flows[model_add_flow(&p->model, share)], share);
}

static int number(const struct pair *p, const struct fair_item *item)
{
    return item ? (int)(item - p->items) : -1;
}

/* The item in that state that stands at place `n` of the array; -1: too few. */
static int nth(const struct pair *p, enum model_state state, int n)
{
    for (int i = 0; i < MODEL_ITEMS; i++)
        if (p->model.items[i].state == state && n-- == 0)
            return i;
    return -1;
}

static void pair_check(const struct pair *p)
{
    const struct model *m = &p->model;

    assert_int_equal(p->queue.startable, model_startable(m));
    assert_int_equal(p->queue.queued, model_count(m, -1, MODEL_WAITS));
    assert_int_equal(p->queue.running, model_count(m, -1, MODEL_RUNS));
    for (int i = 0; i < m->flow_count; i++) {
        const struct fair_flow *f = &p->flows[i], *surplus;

        assert_int_equal(f->queued, model_count(m, i, MODEL_WAITS));
        assert_int_equal(f->running, model_count(m, i, MODEL_RUNS));
        assert_true(f->pass == m->flows[i].pass);
        surplus = fair_surplus(&p->queue, f);
        assert_true(model_surplus_is_right(m, i, surplus ? (int)(surplus - p->flows) : -1));
    }
    assert_true(p->queue.now == m->now && p->queue.horizon == m->horizon);
}

static void pair_push(struct pair *p, int flow, unsigned level, uint64_t size)
{
    int i = nth(p, MODEL_NOWHERE, 0);

    if (i < 0 || p->flows[flow].queued >= p->flows[flow].share.queued_max)
        return;
    p->items[i] = (struct fair_item){.level = level, .kind = (unsigned)i % kinds, .size = size};
    fair_push(&p->queue, &p->flows[flow], &p->items[i], p->now_ns);
    model_push(&p->model, flow, i, &p->items[i], p->now_ns);
}

static void pair_pop(struct pair *p)
{
    unsigned mask = kinds == 1 ? 1 : (unsigned)rand() & FAIR_ALL_KINDS;
    struct fair_item *item = fair_pop(&p->queue, mask, p->now_ns);

    assert_int_equal(number(p, item), model_pop(&p->model, mask, p->now_ns));
    if (item)
        assert_true(item->running);
}

static void pair_start(struct pair *p, int flow, uint64_t size)
{
    int i = nth(p, MODEL_NOWHERE, 0);

    if (i < 0)
        return;
    p->items[i] = (struct fair_item){.size = size};
    fair_start(&p->queue, &p->flows[flow], &p->items[i], p->now_ns);
    model_start(&p->model, flow, i, size, p->now_ns);
}

static void pair_remove(struct pair *p, int n)
{
    int i = nth(p, MODEL_WAITS, n);

    if (i < 0)
        return;
    fair_remove(&p->queue, &p->items[i]);
    assert_null(p->items[i].flow);
    model_remove(&p->model, i);
}

static void pair_done(struct pair *p, int n)
{
    int i = nth(p, MODEL_RUNS, n);

    if (i < 0)
        return;
    fair_done(&p->queue, &p->items[i], p->now_ns);
    assert_null(p->items[i].flow);
    model_done(&p->model, i, p->now_ns);
}

static void pair_requeue(struct pair *p, int n)
{
    int i = nth(p, MODEL_RUNS, n);

    if (i < 0)
        return;
    fair_requeue(&p->queue, &p->items[i]);
    model_requeue(&p->model, i);
}

static void pair_share(struct pair *p, int flow, const struct fair_share *share)
{
    fair_flow_share(&p->queue, &p->flows[flow], share);
    model_share(&p->model, flow, share);
}

static void pair_aside(struct pair *p, int flow)
{
    int change = p->flows[flow].aside > 0 && rand() % 2 ? -1 : 1;

    fair_aside(&p->queue, &p->flows[flow], change);
    p->model.flows[flow].aside += (unsigned)change;
}

/* Every sequence of `LENGTH` of these, each at its own distance in time. */
enum small_operation {
    PUSH_A,
    PUSH_A_URGENT,
    PUSH_B,
    PUSH_B_LARGE,
    POP,
    DONE,
    REMOVE,
    REQUEUE,
    SMALL_OPERATIONS
};

#define LENGTH 6

static void small_step(struct pair *p, enum small_operation operation)
{
    switch (operation) {
    case PUSH_A:
    case PUSH_A_URGENT:
        pair_push(p, 0, operation == PUSH_A_URGENT ? 0 : 1, 1);
        break;
    case PUSH_B:
    case PUSH_B_LARGE:
        pair_push(p, 1, 1, operation == PUSH_B_LARGE ? 3 : 1);
        break;
    case POP:
        pair_pop(p);
        break;
    case DONE:
        pair_done(p, 0);
        break;
    case REMOVE:
        pair_remove(p, 0);
        break;
    default:
        pair_requeue(p, 0);
        break;
    }
    p->now_ns += 7000000;
}

static void every_short_sequence(const struct fair_share shares[2])
{
    unsigned count = 1;

    for (int i = 0; i < LENGTH; i++)
        count *= SMALL_OPERATIONS;
    for (unsigned code = 0; code < count; code++) {
        static struct pair p;
        unsigned rest = code;

        pair_init(&p, 1000000);
        pair_flow(&p, &shares[0]);
        pair_flow(&p, &shares[1]);
        for (int i = 0; i < LENGTH; i++) {
            small_step(&p, (enum small_operation)(rest % SMALL_OPERATIONS));
            rest /= SMALL_OPERATIONS;
            /* Once for each beginning that sequences have in common. */
            if (rest == 0)
                pair_check(&p);
        }
        fair_free(&p.queue);
    }
}

static void short_sequences_of_free_flows(void **state)
{
    every_short_sequence((struct fair_share[]){{1, 9, 9, 9}, {1, 9, 9, 9}});
}

static void short_sequences_of_capped_flows(void **state)
{
    every_short_sequence((struct fair_share[]){{3, 1, 9, 9}, {1, 2, 2, 3}});
}

static struct fair_share random_share(void)
{
    return (struct fair_share){.weight = 1 + (unsigned)(rand() % 5),
                               .running_max = 1 + (unsigned)(rand() % 4),
                               .queued_max = 1 + (unsigned)(rand() % 16),
                               .size_max = 4 + (uint64_t)(rand() % 8)};
}

static void random_step(struct pair *p)
{
    int flow = rand() % MODEL_FLOWS, n = rand() % 8, what = rand() % 100;
    struct fair_share share = random_share();

    if (what < 40)
        pair_push(p, flow, (unsigned)(rand() % FAIR_LEVELS), (uint64_t)(rand() % 16));
    else if (what < 65)
        pair_pop(p);
    else if (what < 85)
        pair_done(p, n);
    else if (what < 93)
        pair_remove(p, n);
    else if (what < 95)
        pair_aside(p, flow);
    else if (what < 97)
        pair_requeue(p, n);
    else if (what < 98)
        pair_start(p, flow, (uint64_t)(rand() % 16));
    else
        pair_share(p, flow, &share);
    /* Mostly short steps, now and then one that is longer than any estimate. */
    p->now_ns += rand() % 50 == 0 ? rand() : rand() % 4000000;
}

static void random_sequences(void)
{
    for (unsigned seed = 1; seed <= 8; seed++) {
        static struct pair p;

        srand(seed);
        pair_init(&p, 1 + rand() % 5000000);
        for (int i = 0; i < MODEL_FLOWS; i++) {
            struct fair_share share = random_share();

            pair_flow(&p, &share);
        }
        for (int i = 0; i < 3000; i++) {
            random_step(&p);
            pair_check(&p);
        }
        fair_free(&p.queue);
    }
}

static void long_random_sequences(void **state)
{
    random_sequences();
}

static void long_random_sequences_of_several_kinds(void **state)
{
    kinds = FAIR_KINDS;
    random_sequences();
    kinds = 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_sequences_of_free_flows),
        cmocka_unit_test(short_sequences_of_capped_flows),
        cmocka_unit_test(long_random_sequences),
        cmocka_unit_test(long_random_sequences_of_several_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
