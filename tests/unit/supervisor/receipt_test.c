#include "supervisor/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "proto/wire_check.h"
#include "tests/unit/test.h"

static void the_first_cause_is_latched(void **state)
{
    struct cancel_record r = {0};

    assert_true(cancel_record_latch(&r, VIV_CAUSE_WALL_TIME, NULL, 5));
    assert_false(cancel_record_latch(&r, VIV_CAUSE_CANCEL_RPC, "mine", 6));
    assert_int_equal(r.cause, VIV_CAUSE_WALL_TIME);
    assert_int_equal(r.requested_ns, 5);
    assert_string_equal(r.reason, "the wall time limit is reached");
}

static void a_long_reason_is_cut_at_a_character(void **state)
{
    struct cancel_record r = {0};
    char reason[400] = "x";

    for (unsigned i = 0; i < 150; i++)
        strcat(reason, "\xc3\xa9");
    assert_true(cancel_record_latch(&r, VIV_CAUSE_CANCEL_RPC, reason, 1));
    assert_true(strlen(r.reason) >= 254 && strlen(r.reason) <= 256);
    assert_true(viv_utf8_valid(r.reason, strlen(r.reason)));
}

static struct cancel_record cooperative(void)
{
    return (struct cancel_record){.cause = VIV_CAUSE_CANCEL_RPC,
                                  .requested_ns = 1100,
                                  .flag_set_ns = 1200,
                                  .hook_reached_ns = 1300,
                                  .raised_ns = 1400,
                                  .unwound_ns = 1500,
                                  .finished_ns = 1600,
                                  .raise_count = 1};
}

static void times_count_from_the_beginning(void **state)
{
    struct cancel_record r = cooperative();
    struct viv_receipt got;

    receipt_make(&r, 1000, &got);
    assert_int_equal(got.delivery, VIV_DELIVERY_COOPERATIVE);
    assert_int_equal(got.requested_ns, 100);
    assert_int_equal(got.flag_set_ns, 200);
    assert_int_equal(got.hook_reached_ns, 300);
    assert_int_equal(got.raised_ns, 400);
    assert_int_equal(got.unwound_ns, 500);
    assert_int_equal(got.killed_ns, 0);
}

/* A worker that lies can't make times run backwards or lie in the future. */
static void the_worker_s_times_are_held_between_ours(void **state)
{
    struct cancel_record r = cooperative();
    struct viv_receipt got;

    r.hook_reached_ns = 1;
    r.raised_ns = INT64_MAX;
    r.unwound_ns = INT64_MIN;
    r.cleanup_deferred_ns = INT64_MAX;
    receipt_make(&r, 1000, &got);
    assert_int_equal(got.hook_reached_ns, 200);
    assert_int_equal(got.raised_ns, 600);
    assert_int_equal(got.unwound_ns, 600);
    assert_int_equal(got.cleanup_deferred_ns, 500);
}

static void what_did_not_happen_has_no_time(void **state)
{
    struct cancel_record r = cooperative();
    struct viv_receipt got;

    r.raise_count = 0;
    r.hook_reached_ns = 0;
    receipt_make(&r, 1000, &got);
    assert_int_equal(got.hook_reached_ns, 0);
    assert_int_equal(got.raised_ns, 0);
    assert_int_equal(got.delivery, VIV_DELIVERY_TOO_LATE);
}

static void a_kill_is_told_as_such(void **state)
{
    struct cancel_record r = cooperative();
    struct viv_receipt got;

    r.killed_ns = 1550;
    r.processes_killed = 3;
    receipt_make(&r, 1000, &got);
    assert_int_equal(got.delivery, VIV_DELIVERY_KILLED);
    assert_int_equal(got.killed_ns, 550);
    assert_int_equal(got.processes_killed, 3);
}

static void one_that_never_began_is_cooperative(void **state)
{
    struct cancel_record r = {.cause = VIV_CAUSE_CANCEL_RPC, .requested_ns = 77};
    struct viv_receipt got;

    receipt_make(&r, 0, &got);
    assert_int_equal(got.delivery, VIV_DELIVERY_COOPERATIVE);
    assert_int_equal(got.requested_ns, 1);
}

static void code_has_its_grace_and_no_more(void **state)
{
    struct cancel_record r = {.flag_set_ns = 1000};

    assert_int_equal(cancel_record_kill_at(&r, 100, 500), 1100);
}

static void cleanup_has_its_own_and_code_keeps_the_rest(void **state)
{
    struct cancel_record r = {.flag_set_ns = 1000};

    cancel_record_cleanup(&r, true, 1050);
    assert_int_equal(cancel_record_kill_at(&r, 100, 500), 1550);
    cancel_record_cleanup(&r, false, 1350); /* 300 of 500 spent */
    assert_int_equal(cancel_record_kill_at(&r, 100, 500), 1400);
    cancel_record_cleanup(&r, true, 1360);
    assert_int_equal(cancel_record_kill_at(&r, 100, 500), 1560);
}

/* Whatever sequence of notes a worker sends before it is killed. */
static void the_sum_of_both_is_never_exceeded(void **state)
{
    for (unsigned seed = 0; seed < 2000; seed++) {
        struct cancel_record r = {.flag_set_ns = 0};
        int64_t now = 0;

        srand(seed);
        while (now < cancel_record_kill_at(&r, 100, 500)) {
            assert_true(cancel_record_kill_at(&r, 100, 500) <= 600);
            cancel_record_cleanup(&r, rand() % 3 != 0, now);
            now += 1 + rand() % 40;
        }
        assert_true(now < 640);
    }
}

static void each_cause_has_its_outcome(void **state)
{
    assert_int_equal(receipt_outcome(VIV_CAUSE_CANCEL_RPC), VIV_OUTCOME_CANCELLED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_DRAIN), VIV_OUTCOME_CANCELLED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_CALL_CANCELLED), VIV_OUTCOME_CANCELLED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_DEADLINE), VIV_OUTCOME_WALL_TIME_EXCEEDED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_WALL_TIME), VIV_OUTCOME_WALL_TIME_EXCEEDED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_CPU_TIME), VIV_OUTCOME_CPU_TIME_EXCEEDED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_OUTPUT), VIV_OUTCOME_OUTPUT_EXCEEDED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_MEMORY), VIV_OUTCOME_MEMORY_EXCEEDED);
    assert_int_equal(receipt_outcome(VIV_CAUSE_STEPS), VIV_OUTCOME_STEPS_EXCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_cause_is_latched),
        cmocka_unit_test(a_long_reason_is_cut_at_a_character),
        cmocka_unit_test(times_count_from_the_beginning),
        cmocka_unit_test(the_worker_s_times_are_held_between_ours),
        cmocka_unit_test(what_did_not_happen_has_no_time),
        cmocka_unit_test(a_kill_is_told_as_such),
        cmocka_unit_test(one_that_never_began_is_cooperative),
        cmocka_unit_test(code_has_its_grace_and_no_more),
        cmocka_unit_test(cleanup_has_its_own_and_code_keeps_the_rest),
        cmocka_unit_test(the_sum_of_both_is_never_exceeded),
        cmocka_unit_test(each_cause_has_its_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
