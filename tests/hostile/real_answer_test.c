/* Answers that are larger than the supervisor takes, by real workers: they leave out what
 * is too much, and nothing else is lost. */
#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

static struct viv_supervisor *sup;

static int begin(void **state)
{
    struct viv_config config;

    harness_config(&config, NULL);
    config.worker_path = "worker/vivarium-worker";
    config.workers_max = 4;
    config.workers_warm = 1;
    config.sessions.resident_max = 1;
    config.result_bytes_max = 1 << 20;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void expect_end(struct run *r, enum viv_outcome outcome)
{
    harness_wait(r);
    if (r->rejected || r->outcome != outcome)
        fail_msg("%s %s%s", viv_outcome_name(r->outcome), r->death.text, r->error.text);
    assert_int_equal(r->restored_from, VIV_RESTORED_FROM_NONE);
    harness_free(r);
}

static void expect_repr(const char *session, const char *code, const char *repr)
{
    struct run *r = harness_in(sup, session, code);

    harness_wait(r);
    assert_string_equal(r->repr, repr);
    expect_end(r, VIV_OUTCOME_COMPLETED);
}

static void a_scope_that_is_too_large_stays_with_its_worker(void **state)
{
    expect_end(harness_open(sup, "large", 0), VIV_OUTCOME_COMPLETED);
    expect_repr("large", "x = bytes(3 << 20)", "");
    expect_end(harness_open(sup, "other", 0), VIV_OUTCOME_COMPLETED);
    expect_repr("other", "1", "1");
    expect_repr("large", "len(x)", "3145728");
    assert_int_equal(harness_close(sup, "large"), VIV_OK);
    assert_int_equal(harness_close(sup, "other"), VIV_OK);
}

static void a_value_or_an_error_that_is_too_large_costs_no_worker(void **state)
{
    expect_end(harness_open(sup, "s", 0), VIV_OUTCOME_COMPLETED);
    expect_repr("s", "x = 1", "");
    expect_end(harness_in(sup, "s", "bytes(3 << 20)"), VIV_OUTCOME_COMPLETED);
    expect_end(harness_in(sup, "s", "raise ValueError('x' * (3 << 20))"), VIV_OUTCOME_RAISED);
    expect_repr("s", "x", "1");
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_that_is_too_large_stays_with_its_worker),
        cmocka_unit_test(a_value_or_an_error_that_is_too_large_costs_no_worker),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
