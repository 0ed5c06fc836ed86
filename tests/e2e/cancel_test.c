/* Cancels, deadlines and time limits. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

#define LOOP "print('in', flush=True)\nwhile True: pass"

/* Its end, as the one that was cancelled by the test. */
static const struct viv_client_response *ended(struct e2e_running *running, int outcome)
{
    struct viv_client_response *r = e2e_wait_response(running);

    if (r->outcome != outcome)
        fail_msg("outcome %s", viv_client_outcome_name(r->outcome));
    return r;
}

static void expect_cooperative(const struct viv_client_receipt *r)
{
    assert_non_null(r);
    assert_int_equal(r->cause, VIV_CLIENT_CAUSE_CANCEL_RPC);
    assert_int_equal(r->delivery, VIV_CLIENT_DELIVERY_COOPERATIVE);
    assert_string_equal(r->reason, "the test says so");
    assert_true(r->requested_ns > 0);
    assert_true(r->flag_set_ns >= r->requested_ns);
    assert_true(r->hook_reached_ns >= r->flag_set_ns);
    assert_true(r->raised_ns >= r->hook_reached_ns);
    assert_true(r->unwound_ns >= r->raised_ns);
    assert_int_equal(r->killed_ns, 0);
    assert_true(r->raise_count >= 1);
}

/* Runs code that says "in" and then would not end; cancels it. */
static void cancel_running(const char *code)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "one", code);
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("one", false, true);
    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_FINISHED);
    expect_cooperative(reply->receipt);
    expect_cooperative(ended(&running, VIV_CLIENT_OUTCOME_CANCELLED)->receipt);
    assert_string_equal(running.response->exception->type, "vivarium.Cancelled");
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_infinite_loop_is_cancelled(void **state)
{
    cancel_running(LOOP);
}

static void test_sleep_is_cancelled(void **state)
{
    cancel_running("import time\nprint('in', flush=True)\ntime.sleep(1000)");
}

static void test_waiting_for_a_lock_is_cancelled(void **state)
{
    cancel_running("import threading\nl = threading.Lock()\n_ = l.acquire()\n"
                   "print('in', flush=True)\n_ = l.acquire()");
}

static void test_cleanup_runs_and_its_output_arrives(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "clean",
              "try:\n    print('in', flush=True)\n    while True: pass\n"
              "finally:\n    print('cleaned', flush=True)");
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("clean", false, true);
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    assert_string_equal(running.output, "in\ncleaned\n");
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_code_sees_the_reason(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "why",
              "try:\n    print('in', flush=True)\n    while True: pass\n"
              "except KeyboardInterrupt as e:\n    print(e.reason, flush=True)\n    raise");
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("why", false, true);
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    assert_string_equal(running.output, "in\nthe test says so\n");
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_code_that_will_not_end_is_killed(void **state)
{
    struct viv_client_request request = {
        .execution_id = "stubborn",
        .code = "print('in', flush=True)\nwhile True:\n    try:\n        while True: pass\n"
                "    except BaseException: pass",
        .limits = {.cancel_grace_ns = 200 * E2E_MS},
    };
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin_request(&running, e2e.client, &request);
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("stubborn", false, true);
    assert_int_equal(reply->receipt->delivery, VIV_CLIENT_DELIVERY_KILLED);
    assert_true(reply->receipt->killed_ns - reply->receipt->requested_ns >= 190 * E2E_MS);
    assert_true(reply->receipt->processes_killed >= 1);
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_force_kills_at_once(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "forced", LOOP);
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("forced", true, true);
    assert_int_equal(reply->receipt->delivery, VIV_CLIENT_DELIVERY_KILLED);
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_cancel_without_wait_answers_at_once(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "nowait", LOOP);
    e2e_wait_output(&running, "in\n");
    reply = e2e_cancel("nowait", false, false);
    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_CANCELLING);
    assert_null(reply->receipt);
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_first_reason_is_the_one_reported(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel second = {.execution_id = "twice", .reason = "second", .wait = true};
    struct viv_client_cancel_reply *first_reply;
    struct viv_client_cancel_reply *reply = NULL;

    e2e_begin(&running, e2e.client, "twice",
              "import time\ntry:\n    print('in', flush=True)\n    while True: pass\n"
              "finally:\n    time.sleep(0.3)");
    e2e_wait_output(&running, "in\n");
    first_reply = e2e_cancel("twice", false, false);
    assert_int_equal(viv_client_cancel(e2e.client, &second, &reply, NULL), 0);
    assert_string_equal(reply->receipt->reason, "the test says so");
    viv_client_cancel_reply_free(first_reply);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_unknown_id_is_not_found(void **state)
{
    struct viv_client_cancel_reply *reply = e2e_cancel("nobody", false, true);

    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_NOT_FOUND);
    assert_null(reply->receipt);
    viv_client_cancel_reply_free(reply);
}

static void test_cancel_that_overtakes_its_execute(void **state)
{
    struct viv_client_request request = {.execution_id = "late", .code = "print('ran')"};
    struct viv_client_cancel_reply *reply = e2e_cancel("late", false, false);
    struct viv_client_response *r;

    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_NOT_FOUND);
    viv_client_cancel_reply_free(reply);
    r = e2e_run_request(&request);
    assert_int_equal(r->outcome, VIV_CLIENT_OUTCOME_CANCELLED);
    assert_int_equal(r->stdout_len, 0);
    assert_string_equal(r->receipt->reason, "the test says so");
    viv_client_response_free(r);
}

static void test_cancel_of_what_has_ended_hits_nothing_else(void **state)
{
    struct viv_client_cancel_reply *reply;
    struct viv_client_request request = {.execution_id = "past", .code = "1"};

    viv_client_response_free(e2e_run_request(&request));
    reply = e2e_cancel("past", false, false);
    viv_client_cancel_reply_free(reply);
    e2e_expect_alive();
}

static void test_id_in_use_is_refused(void **state)
{
    struct viv_client_request twin = {.execution_id = "same", .code = "1"};
    struct e2e_running running;

    e2e_begin(&running, e2e.client, "same", LOOP);
    e2e_wait_started(&running);
    e2e_expect_refused(&twin, VIV_ALREADY_EXISTS);
    viv_client_cancel_reply_free(e2e_cancel("same", false, true));
    ended(&running, VIV_CLIENT_OUTCOME_CANCELLED);
    e2e_end(&running);
}

static void test_id_is_free_again_after_its_end(void **state)
{
    struct viv_client_request request = {.execution_id = "again", .code = "1"};

    viv_client_response_free(e2e_run_request(&request));
    viv_client_response_free(e2e_run_request(&request));
}

static void test_cancelled_call_cancels_the_execution(void **state)
{
    struct e2e_running running;
    struct viv_client_list_reply *list = NULL;
    size_t count = 1;

    e2e_begin(&running, e2e.client, "dropped", LOOP);
    e2e_wait_output(&running, "in\n");
    viv_client_call_cancel(running.call);
    assert_null(e2e_wait(&running));
    assert_int_equal(running.error.status, VIV_CANCELLED);
    for (int i = 0; i < 1000 && count; i++) {
        usleep(10000);
        assert_int_equal(viv_client_list(e2e.client, 0, &list, NULL), 0);
        count = list->count;
        viv_client_list_reply_free(list);
    }
    assert_int_equal(count, 0);
    e2e_end(&running);
}

static void test_detached_execution_survives_its_call(void **state)
{
    struct viv_client_request request = {.execution_id = "detached", .code = LOOP, .detach = true};
    struct viv_client_cancel_reply *reply;
    struct e2e_running running;

    e2e_begin_request(&running, e2e.client, &request);
    e2e_wait_output(&running, "in\n");
    viv_client_call_cancel(running.call);
    e2e_wait(&running);
    reply = e2e_cancel("detached", false, true);
    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_FINISHED);
    assert_int_equal(reply->receipt->cause, VIV_CLIENT_CAUSE_CANCEL_RPC);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

/* ---- time ---- */

static void test_wall_time(void **state)
{
    struct viv_client_request request = {
        .code = "while True: pass",
        .limits = {.wall_time_ns = 300 * E2E_MS, .cancel_grace_ns = 60 * E2E_SECOND}};
    int64_t begin = e2e_now_ns();
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->outcome, VIV_CLIENT_WALL_TIME_EXCEEDED);
    assert_int_equal(r->receipt->cause, VIV_CLIENT_CAUSE_WALL_TIME);
    assert_int_equal(r->receipt->delivery, VIV_CLIENT_DELIVERY_COOPERATIVE);
    assert_true(e2e_now_ns() - begin >= 300 * E2E_MS);
    viv_client_response_free(r);
}

static void test_deadline_ends_the_code_and_the_response_still_comes(void **state)
{
    struct viv_client_request request = {.code = "print('in', flush=True)\nwhile True: pass",
                                         .timeout_ns = 3 * E2E_SECOND};
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->receipt->cause, VIV_CLIENT_CAUSE_DEADLINE);
    assert_int_equal(r->outcome, VIV_CLIENT_WALL_TIME_EXCEEDED);
    assert_int_equal(r->stdout_len, 3);
    viv_client_response_free(r);
}

static void test_short_code_is_not_bothered_by_its_limits(void **state)
{
    struct viv_client_request request = {.code = "1", .limits = {.wall_time_ns = 20 * E2E_SECOND}};
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_null(r->receipt);
    viv_client_response_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_infinite_loop_is_cancelled),
        cmocka_unit_test(test_sleep_is_cancelled),
        cmocka_unit_test(test_waiting_for_a_lock_is_cancelled),
        cmocka_unit_test(test_cleanup_runs_and_its_output_arrives),
        cmocka_unit_test(test_code_sees_the_reason),
        cmocka_unit_test(test_code_that_will_not_end_is_killed),
        cmocka_unit_test(test_force_kills_at_once),
        cmocka_unit_test(test_cancel_without_wait_answers_at_once),
        cmocka_unit_test(test_first_reason_is_the_one_reported),
        cmocka_unit_test(test_unknown_id_is_not_found),
        cmocka_unit_test(test_cancel_that_overtakes_its_execute),
        cmocka_unit_test(test_cancel_of_what_has_ended_hits_nothing_else),
        cmocka_unit_test(test_id_in_use_is_refused),
        cmocka_unit_test(test_id_is_free_again_after_its_end),
        cmocka_unit_test(test_cancelled_call_cancels_the_execution),
        cmocka_unit_test(test_detached_execution_survives_its_call),
        cmocka_unit_test(test_wall_time),
        cmocka_unit_test(test_deadline_ends_the_code_and_the_response_still_comes),
        cmocka_unit_test(test_short_code_is_not_bothered_by_its_limits),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
