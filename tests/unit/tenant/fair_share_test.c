/* What the fair queue promises, in a small world of its own: workers that take
 * what comes, tenants that submit, a clock that jumps from end to end. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/tenant/fair.h"
#include "tests/unit/test.h"

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define FLOWS 16
#define WORKERS 64
#define ITEMS 20480

struct item {
    struct fair_item fair; /* first: what the queue hands back */
    int flow;
    int64_t takes_ns, pushed_ns;
    unsigned order; /* among its flow's */
    struct item *next_free;
};

struct world {
    struct fair_queue queue;
    struct fair_flow flows[FLOWS];
    int flow_count;
    struct item items[ITEMS], *free_items;
    struct item *workers[WORKERS];
    int worker_count;
    int64_t now_ns;
    unsigned pushed[FLOWS], started[FLOWS], ended[FLOWS];
    int64_t used_ns[FLOWS], waited_ns[FLOWS];
};

static struct world w;

static const struct fair_share plain = {1, WORKERS, ITEMS, UINT64_MAX};

static void begin(int workers, int64_t cost_min_ns)
{
    memset(&w, 0, sizeof(w));
    w.worker_count = workers;
    w.now_ns = SECOND;
    for (size_t i = 0; i < ITEMS; i++) {
        w.items[i].next_free = w.free_items;
        w.free_items = &w.items[i];
    }
    assert_int_equal(fair_init(&w.queue, FLOWS, cost_min_ns, NULL), 0);
}

static void end(void)
{
    fair_free(&w.queue);
}

static int add(struct fair_share share)
{
    fair_flow_init(&w.flows[w.flow_count], &share);
    return w.flow_count++;
}

static int add_weight(unsigned weight)
{
    struct fair_share share = plain;

    share.weight = weight;
    return add(share);
}

static void push(int flow, int64_t takes_ns, unsigned level)
{
    struct item *item = w.free_items;

    assert_non_null(item);
    w.free_items = item->next_free;
    *item = (struct item){.fair = {.level = level, .size = 1},
                          .flow = flow,
                          .takes_ns = takes_ns,
                          .pushed_ns = w.now_ns,
                          .order = w.pushed[flow]++};
    fair_push(&w.queue, &w.flows[flow], &item->fair, w.now_ns);
}

static void start_all(void)
{
    for (int i = 0; i < w.worker_count; i++) {
        struct item *item;

        if (w.workers[i])
            continue;
        item = (struct item *)fair_pop(&w.queue, FAIR_ALL_KINDS, w.now_ns);
        /* Work-conserving: an idle worker means that nothing may start. */
        if (!item)
            break;
        assert_int_equal(item->order, w.started[item->flow]);
        w.started[item->flow]++;
        w.waited_ns[item->flow] += w.now_ns - item->pushed_ns;
        w.workers[i] = item;
    }
    for (int i = 0; i < w.flow_count; i++)
        assert_true(w.flows[i].running <= w.flows[i].share.running_max);
}

static void end_one(int worker)
{
    struct item *item = w.workers[worker];

    w.workers[worker] = NULL;
    w.used_ns[item->flow] += w.now_ns - item->fair.began_ns;
    w.ended[item->flow]++;
    fair_done(&w.queue, &item->fair, w.now_ns);
    item->next_free = w.free_items;
    w.free_items = item;
}

/* Until `until_ns`, or until nothing runs. */
static void run(int64_t until_ns)
{
    for (;;) {
        int64_t next = INT64_MAX;
        int worker = -1;

        start_all();
        for (int i = 0; i < w.worker_count; i++) {
            struct item *item = w.workers[i];

            if (item && item->fair.began_ns + item->takes_ns < next) {
                next = item->fair.began_ns + item->takes_ns;
                worker = i;
            }
        }
        if (worker < 0 || next > until_ns)
            break;
        w.now_ns = next;
        end_one(worker);
    }
    if (w.now_ns < until_ns && until_ns != INT64_MAX)
        w.now_ns = until_ns;
}

/* Used time by now, what runs included. */
static int64_t used(int flow)
{
    int64_t ns = w.used_ns[flow];

    for (int i = 0; i < w.worker_count; i++)
        if (w.workers[i] && w.workers[i]->flow == flow)
            ns += w.now_ns - w.workers[i]->fair.began_ns;
    return ns;
}

/* Three that always have work queued, for `seconds`. */
static void run_greedy(const int64_t takes_ns[3], int seconds)
{
    int64_t until = w.now_ns + seconds * SECOND;

    while (w.now_ns < until) {
        for (int i = 0; i < 3; i++)
            while (w.flows[i].queued < 200)
                push(i, takes_ns[i], 1);
        run(w.now_ns + 5 * MS);
    }
}

static void expect_shares(const int64_t got[3], const unsigned weights[3], double tolerance)
{
    double all = (double)(got[0] + got[1] + got[2]);
    double weight = weights[0] + weights[1] + weights[2];

    for (int i = 0; i < 3; i++) {
        double ratio = (double)got[i] / all / (weights[i] / weight);

        assert_true(ratio > 1 - tolerance && ratio < 1 + tolerance);
    }
}

static void shares_are_those_of_the_weights(void **state)
{
    static const int64_t takes[] = {3 * MS, 3 * MS, 3 * MS};

    for (int workers = 1; workers <= 32; workers *= 2) {
        begin(workers, MS);
        add_weight(1), add_weight(2), add_weight(4);
        run_greedy(takes, 20);
        expect_shares((int64_t[]){used(0), used(1), used(2)}, (unsigned[]){1, 2, 4}, 0.02);
        expect_shares((int64_t[]){w.ended[0], w.ended[1], w.ended[2]}, (unsigned[]){1, 2, 4}, 0.02);
        end();
    }
}

/* The reason why time is charged and not executions. */
static void who_runs_long_gets_no_more_time(void **state)
{
    static const int64_t takes[] = {2 * MS, 50 * MS, 1500 * MS};

    for (int workers = 1; workers <= 32; workers *= 4) {
        begin(workers, MS);
        add_weight(1), add_weight(1), add_weight(1);
        run_greedy(takes, 300);
        expect_shares((int64_t[]){used(0), used(1), used(2)}, (unsigned[]){1, 1, 1}, 0.06);
        end();
    }
}

static void a_large_least_cost_makes_it_a_matter_of_counts(void **state)
{
    static const int64_t takes[] = {1 * MS, 7 * MS, 4 * MS};

    begin(4, SECOND);
    add_weight(1), add_weight(2), add_weight(4);
    run_greedy(takes, 60);
    expect_shares((int64_t[]){w.ended[0], w.ended[1], w.ended[2]}, (unsigned[]){1, 2, 4}, 0.02);
    end();
}

/* Charged only when they end, those would have all four workers soon. */
static void endless_ones_dont_creep_onto_every_worker(void **state)
{
    begin(4, MS);
    add_weight(1), add_weight(1);
    for (int i = 0; i < 100; i++)
        push(0, 10000 * SECOND, 1);
    for (int i = 0; i < 10000; i++)
        push(1, 10 * MS, 1);
    run(w.now_ns + 20 * SECOND);
    assert_in_range(w.flows[0].running, 2, 3);
    assert_true(used(1) > 19 * SECOND);
    end();
}

static void idle_time_is_no_credit(void **state)
{
    begin(1, MS);
    add_weight(1), add_weight(1);
    push(1, 10 * MS, 1);
    for (int i = 0; i < 2000; i++)
        push(0, 10 * MS, 1);
    run(w.now_ns + 10 * SECOND);
    for (int i = 0; i < 1000; i++)
        push(1, 10 * MS, 1);
    w.used_ns[0] = w.used_ns[1] = 0;
    run(w.now_ns + 2 * SECOND);
    assert_in_range(used(1), 960 * MS, 1040 * MS);
    end();
}

/* It took what nobody wanted: that is nothing to be paid for. */
static void who_was_alone_owes_nothing(void **state)
{
    begin(8, MS);
    add_weight(1), add_weight(1);
    for (int i = 0; i < 8; i++)
        push(0, 100 * SECOND, 1);
    run(w.now_ns + 100 * SECOND - MS);
    for (int i = 0; i < 1000; i++)
        push(0, 10 * MS, 1), push(1, 10 * MS, 1);
    run(w.now_ns + 2 * SECOND);
    /* The eight have ended; from then on both have the same. */
    assert_true(w.ended[0] > 300 && w.ended[1] > 300);
    assert_in_range(w.ended[0] - 8, w.ended[1] * 9 / 10, w.ended[1] * 11 / 10);
    end();
}

static void a_flood_costs_another_one_turn(void **state)
{
    begin(1, MS);
    add_weight(1), add_weight(1);
    for (int i = 0; i < 10000; i++)
        push(0, 10 * MS, 1);
    for (int i = 0; i < 100; i++) {
        int64_t before = w.waited_ns[1];

        run(w.now_ns + 25 * MS);
        push(1, 10 * MS, 1);
        run(w.now_ns + 10 * MS);
        assert_in_range(w.waited_ns[1] - before, 0, 10 * MS);
    }
    end();
}

/* Forty at once, over and over. */
static int64_t mean_wait(int workers, bool flood)
{
    int64_t wait;

    begin(workers, MS);
    add_weight(1), add_weight(1);
    for (int i = 0; flood && i < 20000; i++)
        push(0, 2 * MS, 1);
    for (int i = 0; i < 50; i++) {
        for (int j = 0; j < 40; j++)
            push(1, 2 * MS, 1);
        run(w.now_ns + 33 * MS);
    }
    wait = w.waited_ns[1] / w.started[1];
    end();
    return wait;
}

static void a_flood_costs_others_no_more_than_their_share(void **state)
{
    int64_t alone = mean_wait(4, false), flooded = mean_wait(8, true);

    assert_true(alone > 5 * MS && flooded <= alone * 12 / 10);
}

static void who_is_at_its_cap_keeps_its_turn(void **state)
{
    struct fair_share capped = plain;

    capped.running_max = 2;
    begin(8, MS);
    add(capped), add_weight(1);
    for (int i = 0; i < 2000; i++)
        push(0, 10 * MS, 1), push(1, 10 * MS, 1);
    run(w.now_ns + 2 * SECOND);
    /* Two workers of eight, all the time, although its share would be four. */
    assert_in_range(used(0), 3900 * MS, 4000 * MS);
    assert_in_range(used(1), 11800 * MS, 12000 * MS);
    end();
}

static void a_raised_cap_is_no_hoard(void **state)
{
    struct fair_share capped = plain;

    capped.running_max = 1;
    begin(8, MS);
    add(capped), add_weight(1);
    for (int i = 0; i < 8000; i++)
        push(0, 10 * MS, 1), push(1, 10 * MS, 1);
    run(w.now_ns + 5 * SECOND);
    fair_flow_share(&w.queue, &w.flows[0], &plain);
    w.used_ns[0] = w.used_ns[1] = 0;
    run(w.now_ns + 3 * SECOND);
    assert_in_range(used(0), 12 * SECOND, 12 * SECOND + FAIR_CREDIT_NS);
    end();
}

static void sizes_are_kept_within_bounds(void **state)
{
    struct fair_share small = plain;

    small.size_max = 3; /* of items of size 1 */
    begin(8, MS);
    add(small);
    for (int i = 0; i < 100; i++)
        push(0, 10 * MS, 1);
    run(w.now_ns + 95 * MS);
    assert_int_equal(w.flows[0].running, 3);
    run(INT64_MAX);
    assert_int_equal(w.ended[0], 100);
    end();
}

static void what_is_urgent_goes_first_within_its_flow(void **state)
{
    struct fair_item items[4] = {{.level = 2}, {.level = 1}, {.level = 0}, {.level = 1}};
    static const int expected[] = {2, 1, 3, 0};

    begin(1, MS);
    add_weight(1);
    for (int i = 0; i < 4; i++)
        fair_push(&w.queue, &w.flows[0], &items[i], w.now_ns);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(fair_pop(&w.queue, FAIR_ALL_KINDS, w.now_ns), &items[expected[i]]);
    assert_null(fair_pop(&w.queue, FAIR_ALL_KINDS, w.now_ns));
    end();
}

/* Random tenants with random work: the one that waits is never passed by more
 * than what the weights allow. */
static void nobody_starves(void **state)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        srand(seed);
        begin(1 + rand() % 8, MS);
        for (int i = 0; i < FLOWS; i++)
            add_weight(1 + (unsigned)(rand() % 8));
        for (int round = 0; round < 400; round++) {
            for (int i = 0; i < FLOWS; i++)
                while (w.flows[i].queued < 20)
                    push(i, (1 + rand() % 20) * MS, 1);
            run(w.now_ns + 20 * MS);
        }
        /* Used by weight: nobody is more than a second of one worker behind. */
        for (int i = 0; i < FLOWS; i++)
            for (int j = 0; j < FLOWS; j++)
                assert_true(used(i) / w.flows[i].share.weight <
                            used(j) / w.flows[j].share.weight + 200 * MS);
        end();
    }
}

static void the_largest_for_its_weight_gives_way(void **state)
{
    begin(1, MS);
    add_weight(1), add_weight(10), add_weight(1);
    assert_null(fair_surplus(&w.queue, &w.flows[2]));
    for (int i = 0; i < 10; i++)
        push(1, MS, 1);
    assert_null(fair_surplus(&w.queue, &w.flows[2]));
    for (int i = 0; i < 5; i++)
        push(0, MS, 1);
    assert_ptr_equal(fair_surplus(&w.queue, &w.flows[2]), &w.flows[0]);
    assert_ptr_equal(fair_surplus(&w.queue, &w.flows[1]), &w.flows[0]);
    assert_null(fair_surplus(&w.queue, &w.flows[0]));
    fair_aside(&w.queue, &w.flows[2], 7);
    assert_ptr_equal(fair_surplus(&w.queue, &w.flows[0]), &w.flows[2]);
    fair_aside(&w.queue, &w.flows[2], -7);
    assert_ptr_equal(fair_surplus(&w.queue, &w.flows[2]), &w.flows[0]);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_the_weights),
        cmocka_unit_test(who_runs_long_gets_no_more_time),
        cmocka_unit_test(a_large_least_cost_makes_it_a_matter_of_counts),
        cmocka_unit_test(endless_ones_dont_creep_onto_every_worker),
        cmocka_unit_test(idle_time_is_no_credit),
        cmocka_unit_test(who_was_alone_owes_nothing),
        cmocka_unit_test(a_flood_costs_another_one_turn),
        cmocka_unit_test(a_flood_costs_others_no_more_than_their_share),
        cmocka_unit_test(who_is_at_its_cap_keeps_its_turn),
        cmocka_unit_test(a_raised_cap_is_no_hoard),
        cmocka_unit_test(sizes_are_kept_within_bounds),
        cmocka_unit_test(what_is_urgent_goes_first_within_its_flow),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(the_largest_for_its_weight_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
