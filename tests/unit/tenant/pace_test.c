#include "supervisor/tenant/pace.h"

#include "tests/unit/test.h"

#define MS INT64_C(1000000)

static int64_t steady(struct pace *pace, int64_t interval_ns)
{
    int64_t now = 1;

    for (int i = 0; i < 200; i++) {
        now += interval_ns;
        pace_note(pace, now);
    }
    return now;
}

static void half_of_what_is_there_has_ended_by_then(void **state)
{
    struct pace pace = {0};
    int64_t now = steady(&pace, 10 * MS);

    assert_int_equal(pace_delay(&pace, 100, now), 51 * 10 * MS);
    assert_int_equal(pace_delay(&pace, 1000, now), 501 * 10 * MS);
}

static void it_stays_within_bounds(void **state)
{
    struct pace pace = {0}, slow = {0};

    assert_int_equal(pace_delay(&pace, 9, 7), 5 * PACE_UNKNOWN_NS);
    assert_int_equal(pace_delay(&pace, UINT64_MAX, 7), PACE_DELAY_MAX_NS);
    assert_int_equal(pace_delay(&pace, 1, steady(&pace, 1000)), PACE_DELAY_MIN_NS);
    pace_note(&slow, 1);
    assert_int_equal(pace_delay(&slow, 0, INT64_MAX), PACE_DELAY_MAX_NS);
}

static void it_follows_changes(void **state)
{
    struct pace pace = {0};
    int64_t now = steady(&pace, 10 * MS);

    for (int i = 0; i < 50; i++) {
        now += 100 * MS;
        pace_note(&pace, now);
    }
    assert_in_range(pace_delay(&pace, 0, now), 95 * MS, 100 * MS);
}

static void silence_counts(void **state)
{
    struct pace pace = {0};
    int64_t now = steady(&pace, 100 * MS);

    assert_in_range(pace_delay(&pace, 0, now), 99 * MS, 100 * MS);
    assert_in_range(pace_delay(&pace, 0, now + 8000 * MS), 1080 * MS, 1100 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_what_is_there_has_ended_by_then),
        cmocka_unit_test(it_stays_within_bounds),
        cmocka_unit_test(it_follows_changes),
        cmocka_unit_test(silence_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
