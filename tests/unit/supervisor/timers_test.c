#include "supervisor/timers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/unit/test.h"

#define COUNT 200

static int64_t last_fired;
static unsigned fired;

static void note(struct timer *timer, int64_t now_ns)
{
    assert_true(timer->at_ns >= last_fired);
    assert_true(timer->at_ns <= now_ns);
    assert_int_equal(timer->place, 0);
    last_fired = timer->at_ns;
    fired++;
}

static void begin(struct timers *timers)
{
    assert_int_equal(timers_init(timers, COUNT, NULL), 0);
    last_fired = 0;
    fired = 0;
}

static void an_empty_heap_waits_for_ever(void **state)
{
    struct timers timers;

    begin(&timers);
    assert_int_equal(timers_next(&timers), INT64_MAX);
    timers_run(&timers, INT64_MAX);
    timers_free(&timers);
}

/* Random sets, moves and stops against a plain array. */
static void it_agrees_with_a_plain_array(void **state)
{
    static struct timer nodes[COUNT];
    int64_t model[COUNT] = {0}; /* 0: not set */
    struct timers timers;

    begin(&timers);
    srand(1);
    for (unsigned i = 0; i < COUNT; i++)
        nodes[i] = (struct timer){.fire = note};
    for (unsigned round = 0; round < 200000; round++) {
        unsigned i = (unsigned)rand() % COUNT;
        int64_t earliest = INT64_MAX;

        if (rand() % 3 == 0) {
            timers_stop(&timers, &nodes[i]);
            model[i] = 0;
        } else {
            model[i] = 1 + rand() % 1000;
            timers_set(&timers, &nodes[i], model[i]);
        }
        if (round % 64 != 0)
            continue;
        for (unsigned j = 0; j < COUNT; j++)
            if (model[j] && model[j] < earliest)
                earliest = model[j];
        assert_int_equal(timers_next(&timers), earliest);
    }
    timers_free(&timers);
}

static void those_that_are_due_fire_in_order(void **state)
{
    static struct timer nodes[COUNT];
    struct timers timers;
    unsigned due = 0;

    begin(&timers);
    srand(2);
    for (unsigned i = 0; i < COUNT; i++) {
        nodes[i] = (struct timer){.fire = note};
        timers_set(&timers, &nodes[i], 1 + rand() % 1000);
        due += nodes[i].at_ns <= 500;
    }
    timers_run(&timers, 500);
    assert_int_equal(fired, due);
    assert_int_equal(timers.count, COUNT - due);
    assert_true(timers_next(&timers) > 500);
    timers_free(&timers);
}

static struct timers *own;
static struct timer other;

static void stop_other(struct timer *timer, int64_t now_ns)
{
    timers_stop(own, &other);
    timers_set(own, timer, now_ns + 1);
}

static void a_timer_may_stop_another_and_set_itself(void **state)
{
    struct timers timers;
    struct timer first = {.fire = stop_other};

    begin(&timers);
    own = &timers;
    other = (struct timer){.fire = note};
    timers_set(&timers, &first, 1);
    timers_set(&timers, &other, 2);
    timers_run(&timers, 5);
    assert_int_equal(fired, 0);
    assert_int_equal(timers_next(&timers), 6);
    timers_free(&timers);
}

static void set_to_the_past(struct timer *timer, int64_t now_ns)
{
    assert_true(++fired <= 3);
    timers_set(own, timer, now_ns - 5);
}

static void one_set_to_the_past_waits_for_the_next_run(void **state)
{
    struct timers timers;
    struct timer stuck = {.fire = set_to_the_past};

    begin(&timers);
    own = &timers;
    other = (struct timer){.fire = note};
    timers_set(&timers, &stuck, 1);
    timers_set(&timers, &other, 2);
    timers_run(&timers, 5);
    assert_int_equal(fired, 2);
    assert_int_equal(other.place, 0);
    assert_int_equal(timers_next(&timers), 6);
    timers_run(&timers, 7);
    assert_int_equal(fired, 3);
    timers_set(&timers, &stuck, 1);
    assert_int_equal(timers_next(&timers), 1);
    timers_free(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_waits_for_ever),
        cmocka_unit_test(it_agrees_with_a_plain_array),
        cmocka_unit_test(those_that_are_due_fire_in_order),
        cmocka_unit_test(a_timer_may_stop_another_and_set_itself),
        cmocka_unit_test(one_set_to_the_past_waits_for_the_next_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
