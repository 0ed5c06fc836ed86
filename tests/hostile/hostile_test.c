/* A worker that sends garbage, too much, out of turn, or dies at any moment
 * costs its one execution and nothing else. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

static struct viv_supervisor *sup;

static int begin(void **state)
{
    struct viv_config config;

    harness_config(&config, NULL);
    config.workers_max = 8;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void the_fake_can_behave(void **state)
{
    struct run *r = harness_submit(sup, "id-1", "ok", NULL);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    assert_string_equal(r->repr, "42");
    assert_int_equal(r->started, 1);
    assert_false(r->has_receipt);
    harness_free(r);
    harness_expect(sup, "raise", VIV_OUTCOME_RAISED);
}

/* Each is followed by one that is served as if nothing had happened. */
static void every_bad_frame_costs_one_execution(void **state)
{
    static const char *const bad[] = {"garbage",
                                      "short",
                                      "empty",
                                      "bad-magic",
                                      "bad-type",
                                      "their-type",
                                      "long-message",
                                      "long-body",
                                      "lying-length",
                                      "no-memfd",
                                      "unsealed-memfd",
                                      "file-for-memfd",
                                      "short-memfd",
                                      "two-fds",
                                      "oversize",
                                      "wrong-seq",
                                      "bad-body",
                                      "not-mine",
                                      "bad-utf8",
                                      "deep-body",
                                      "bad-message",
                                      "hello-again",
                                      "note-out-of-turn",
                                      "close"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct run *r = harness_submit(sup, NULL, bad[i], NULL);

        harness_wait(r);
        if (r->outcome != VIV_OUTCOME_WORKER_DIED || r->finished != 1)
            fail_msg("%s: %s", bad[i], viv_outcome_name(r->outcome));
        if (strncmp(r->death.text, "killed by the supervisor: ", 26) != 0)
            fail_msg("%s: %s", bad[i], r->death.text);
        harness_free(r);
        harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    }
}

static void a_second_answer_changes_nothing(void **state)
{
    for (int i = 0; i < 20; i++)
        harness_expect(sup, "twice", VIV_OUTCOME_COMPLETED);
    harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
}

static void an_exit_is_told_with_its_status(void **state)
{
    struct run *r = harness_submit(sup, NULL, "exit 7", NULL);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_WORKER_DIED);
    assert_int_equal(r->death.exit_status, 7);
    assert_int_equal(r->death.signal, 0);
    harness_free(r);
}

static void a_signal_is_told_by_its_name(void **state)
{
    struct run *r = harness_submit(sup, NULL, "signal 11", NULL);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_WORKER_DIED);
    assert_int_equal(r->death.signal, SIGSEGV);
    assert_string_equal(r->death.text, "killed by signal 11 (SIGSEGV)");
    harness_free(r);
}

static void a_flood_of_notes_is_a_breach(void **state)
{
    struct viv_limits limits = {.cancel_grace_ns = 20000000000, .cleanup_grace_ns = 20000000000};
    struct run *r = harness_submit(sup, "flood", "note-flood", &limits);
    struct viv_cancel cancel = {.execution_id = "flood", .wait = true};
    struct viv_receipt receipt;

    harness_wait_started(r);
    assert_int_equal(harness_cancel(sup, &cancel, &receipt), VIV_CANCEL_FINISHED);
    assert_int_equal(receipt.delivery, VIV_DELIVERY_KILLED);
    harness_wait(r);
    assert_int_equal(r->finished, 1);
    harness_free(r);
}

static void a_result_above_the_cap_is_a_breach(void **state)
{
    harness_expect(sup, "big 1000000", VIV_OUTCOME_COMPLETED);
    harness_expect(sup, "big 60000000", VIV_OUTCOME_COMPLETED);
    harness_expect(sup, "big 70000000", VIV_OUTCOME_WORKER_DIED);
    harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
}

static void figures_that_can_t_be_are_no_negative_times(void **state)
{
    struct run *r = harness_submit(sup, NULL, "lie", NULL);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    assert_true(r->usage.user_cpu_ns >= 0);
    assert_true(r->usage.system_cpu_ns >= 0);
    harness_free(r);
}

static void no_descriptor_is_left_behind(void **state)
{
    unsigned before = harness_open_fds(), after;
    struct viv_description d;

    for (int i = 0; i < 100; i++) {
        harness_expect(sup, i % 2 ? "unsealed-memfd" : "two-fds", VIV_OUTCOME_WORKER_DIED);
        harness_expect(sup, "big 100000", VIV_OUTCOME_COMPLETED);
    }
    do
        harness_describe(sup, &d);
    while (d.idle < 4 || d.starting > 0 || d.busy > 0);
    after = harness_open_fds();
    /* The last worker to end may not have been reaped yet: five descriptors. */
    assert_true(after <= before + 8 * 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fake_can_behave),
        cmocka_unit_test(every_bad_frame_costs_one_execution),
        cmocka_unit_test(a_second_answer_changes_nothing),
        cmocka_unit_test(an_exit_is_told_with_its_status),
        cmocka_unit_test(a_signal_is_told_by_its_name),
        cmocka_unit_test(a_flood_of_notes_is_a_breach),
        cmocka_unit_test(a_result_above_the_cap_is_a_breach),
        cmocka_unit_test(figures_that_can_t_be_are_no_negative_times),
        cmocka_unit_test(no_descriptor_is_left_behind),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
