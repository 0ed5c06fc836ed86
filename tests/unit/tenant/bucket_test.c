#include "supervisor/tenant/bucket.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define SECOND INT64_C(1000000000)

static void without_a_rate_there_is_always_a_token(void **state)
{
    struct bucket_rate rate = bucket_rate(0, 1);
    struct bucket bucket = {0};

    for (int i = 0; i < 1000; i++)
        assert_int_equal(bucket_take(&bucket, &rate, 1), 0);
}

static void a_full_one_gives_its_burst_and_then_waits(void **state)
{
    for (unsigned burst = 1; burst < 20; burst++) {
        struct bucket_rate rate = bucket_rate(10, burst);
        struct bucket bucket = {0};
        int64_t now = 5 * SECOND;

        for (unsigned i = 0; i < burst; i++)
            assert_int_equal(bucket_take(&bucket, &rate, now), 0);
        assert_int_equal(bucket_take(&bucket, &rate, now), SECOND / 10);
        /* To ask costs nothing. */
        assert_int_equal(bucket_take(&bucket, &rate, now + SECOND / 20), SECOND / 20);
        assert_int_equal(bucket_take(&bucket, &rate, now + SECOND / 10), 0);
        assert_int_equal(bucket_take(&bucket, &rate, now + SECOND / 10), SECOND / 10);
    }
}

static void it_never_holds_more_than_its_burst(void **state)
{
    struct bucket_rate rate = bucket_rate(2, 3);
    struct bucket bucket = {0};

    assert_int_equal(bucket_take(&bucket, &rate, SECOND), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bucket_take(&bucket, &rate, 1000000 * SECOND), 0);
    assert_int_equal(bucket_take(&bucket, &rate, 1000000 * SECOND), SECOND / 2);
}

/* Against tokens that are counted. */
static void it_agrees_with_a_plain_count(void **state)
{
    struct bucket_rate rate = bucket_rate(1000, 7); /* one a millisecond */
    struct bucket bucket = {0};
    int64_t now = SECOND, counted_at = SECOND;
    int64_t parts = INT64_C(7) * 1000000; /* of a token: a nanosecond's */

    srand(1);
    for (int i = 0; i < 100000; i++) {
        now += rand() % 2000000;
        parts += now - counted_at;
        counted_at = now;
        if (parts > INT64_C(7) * 1000000)
            parts = INT64_C(7) * 1000000;
        if (parts >= 1000000) {
            assert_int_equal(bucket_take(&bucket, &rate, now), 0);
            parts -= 1000000;
        } else {
            assert_int_equal(bucket_take(&bucket, &rate, now), 1000000 - parts);
        }
    }
}

static void the_bounds_hold(void **state)
{
    struct bucket_rate slow = bucket_rate(BUCKET_RATE_MIN, BUCKET_BURST_MAX);
    struct bucket_rate fast = bucket_rate(BUCKET_RATE_MAX, 1);
    struct bucket bucket = {0};

    assert_int_equal(slow.interval_ns, 1000 * SECOND);
    assert_int_equal(fast.interval_ns, 1000);
    for (int i = 0; i < BUCKET_BURST_MAX; i++)
        assert_int_equal(bucket_take(&bucket, &slow, SECOND), 0);
    assert_int_equal(bucket_take(&bucket, &slow, SECOND), 1000 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_there_is_always_a_token),
        cmocka_unit_test(a_full_one_gives_its_burst_and_then_waits),
        cmocka_unit_test(it_never_holds_more_than_its_burst),
        cmocka_unit_test(it_agrees_with_a_plain_count),
        cmocka_unit_test(the_bounds_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
