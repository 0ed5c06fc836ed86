#include "supervisor/demand.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static struct demand d;

static void begin(unsigned warm)
{
    assert_int_equal(demand_init(&d, warm, 20, "default", false, NULL), 0);
}

static struct demand_tenant *of(const char *name)
{
    return demand_of(&d, name, false);
}

/* A worker's way from one state to another. */
static void add(struct demand_tenant *t, enum worker_state state)
{
    demand_move(t, WORKER_FREE, state);
}

static void came(const char *name, unsigned times)
{
    while (times-- > 0)
        demand_note(&d, of(name));
}

static void before_anybody_came_all_are_the_first_s(void **state)
{
    begin(4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(demand_lacking(&d, true, 0)->name, "default");
        add(of("default"), WORKER_SPAWNING);
    }
    assert_null(demand_lacking(&d, true, 0));
    assert_int_equal(demand_reserve(&d), 4);
    demand_free(&d);
}

static void the_reserve_is_like_the_last_executions(void **state)
{
    begin(4);
    came("a", 3);
    came("b", 1);
    assert_string_equal(demand_lacking(&d, true, 0)->name, "a");
    for (int i = 0; i < 3; i++)
        add(of("a"), WORKER_IDLE);
    assert_string_equal(demand_lacking(&d, true, 0)->name, "b");
    add(of("b"), WORKER_STARTING);
    assert_null(demand_lacking(&d, true, 0));
    assert_null(demand_surplus(&d, &(unsigned){0}));
    came("b", 2); /* two of a's are forgotten */
    assert_string_equal(demand_lacking(&d, true, 0)->name, "b");
    assert_string_equal(demand_surplus(&d, &(unsigned){0})->name, "a");
    demand_free(&d);
}

static void who_waits_in_the_queue_takes_what_starts(void **state)
{
    begin(2);
    came("a", 2);
    of("a")->queued = 3;
    assert_int_equal(demand_unserved(&d, false), 3);
    for (int i = 0; i < 3; i++)
        add(of("a"), WORKER_SPAWNING);
    assert_int_equal(demand_reserve(&d), 0);
    assert_int_equal(demand_unserved(&d, false), 0);
    assert_non_null(demand_lacking(&d, true, 0));
    add(of("a"), WORKER_SPAWNING);
    assert_int_equal(demand_reserve(&d), 1);
    demand_free(&d);
}

static void who_failed_waits_and_holds_up_nobody_else(void **state)
{
    begin(4);
    came("a", 3);
    came("b", 1);
    of("a")->not_before_ns = 100;
    assert_string_equal(demand_lacking(&d, true, 50)->name, "b");
    assert_string_equal(demand_lacking(&d, true, 100)->name, "a");
    assert_false(demand_may_start(of("a"), 99));
    assert_int_equal(demand_next_start(&d, 99), 100);
    assert_true(demand_next_start(&d, 100) == INT64_MAX);
    demand_free(&d);
}

/* Every state has its place, so that what goes in comes out. */
static void counts_return_to_nothing(void **state)
{
    struct demand_tenant *t;

    begin(1);
    came("x", 1);
    t = of("x");
    for (int from = WORKER_FREE; from < WORKER_STATES; from++) {
        for (int to = WORKER_FREE; to < WORKER_STATES; to++) {
            demand_move(t, WORKER_FREE, (enum worker_state)from);
            demand_move(t, (enum worker_state)from, (enum worker_state)to);
            demand_move(t, (enum worker_state)to, WORKER_FREE);
            assert_int_equal(t->starting + t->idle + t->others, 0);
        }
    }
    demand_free(&d);
}

/* An entry that somebody points to stays; others are used again. */
static void places_are_used_again(void **state)
{
    struct demand_tenant *kept;
    char name[32];

    begin(2);
    came("kept", 1);
    kept = of("kept");
    add(kept, WORKER_RUNNING);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        came(name, 1);
    }
    assert_ptr_equal(of("kept"), kept);
    assert_string_equal(kept->name, "kept");
    assert_true(d.count <= d.room);
    assert_true(d.count <= 6);
    demand_free(&d);
}

static void no_reserve_is_no_reserve(void **state)
{
    begin(0);
    came("a", 1);
    assert_null(demand_lacking(&d, true, 0));
    add(of("a"), WORKER_IDLE);
    assert_string_equal(demand_surplus(&d, &(unsigned){0})->name, "a");
    demand_free(&d);
}

/* Who is to have workers with zygotes of their own is another. */
static void the_kinds_of_one_tenant_are_apart(void **state)
{
    struct demand_tenant *exec;

    begin(4);
    came("a", 4);
    exec = demand_of(&d, "a", true);
    assert_ptr_not_equal(exec, of("a"));
    exec->queued = 2;
    of("a")->queued = 1;
    assert_int_equal(demand_unserved(&d, true), 2);
    assert_int_equal(demand_unserved(&d, false), 1);
    for (int i = 0; i < 4; i++)
        demand_note(&d, exec);
    assert_ptr_equal(demand_lacking(&d, true, 0), exec);
    assert_null(demand_lacking(&d, false, 0));
    demand_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anybody_came_all_are_the_first_s),
        cmocka_unit_test(the_reserve_is_like_the_last_executions),
        cmocka_unit_test(who_waits_in_the_queue_takes_what_starts),
        cmocka_unit_test(who_failed_waits_and_holds_up_nobody_else),
        cmocka_unit_test(counts_return_to_nothing),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(no_reserve_is_no_reserve),
        cmocka_unit_test(the_kinds_of_one_tenant_are_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
