/* SIGTERM: what runs may end, what won't is cancelled, nothing new begins. */
#include <string.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

#define LOOP "print('in', flush=True)\nwhile True: pass"

/* A group's: over soon, or not while anybody looks. */
static const char *grace;

static int short_grace(void **state)
{
    grace = "0.5";
    return 0;
}

static int long_grace(void **state)
{
    grace = "600";
    return 0;
}

static int begin_test(void **state)
{
    const char *const flags[] = {"--drain-grace", grace, NULL};

    if (!daemon_start(&e2e.daemon, flags))
        return -1;
    return viv_client_open(e2e.daemon.target, NULL, &e2e.client, NULL);
}

static int end_test(void **state)
{
    viv_client_close(e2e.client);
    e2e.client = NULL;
    if (e2e.daemon.pid)
        daemon_terminate(&e2e.daemon);
    return daemon_wait(&e2e.daemon) ? 0 : -1;
}

static void wait_until_not_serving(void)
{
    bool serving = true;

    for (int i = 0; i < 60000 && serving; i++) {
        assert_int_equal(viv_client_health(e2e.client, NULL, 0, &serving, NULL), 0);
        usleep(1000);
    }
    assert_false(serving);
}

static void test_idle_daemon_ends_with_status_zero(void **state)
{
    e2e_expect_alive();
    daemon_terminate(&e2e.daemon);
    assert_true(daemon_wait(&e2e.daemon));
}

static void test_running_execution_may_end_in_its_grace_period(void **state)
{
    struct viv_client_response *r;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, NULL,
              "import time\nprint('in', flush=True)\ntime.sleep(0.4)\n'done'");
    e2e_wait_output(&running, "in\n");
    daemon_terminate(&e2e.daemon);
    r = e2e_wait_response(&running);
    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_string_equal(r->result_repr, "'done'");
    e2e_end(&running);
    assert_true(daemon_wait(&e2e.daemon));
}

static void test_execution_that_does_not_end_is_cancelled(void **state)
{
    struct viv_client_response *r;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, NULL, LOOP);
    e2e_wait_output(&running, "in\n");
    daemon_terminate(&e2e.daemon);
    r = e2e_wait_response(&running);
    assert_int_equal(r->outcome, VIV_CLIENT_OUTCOME_CANCELLED);
    assert_int_equal(r->receipt->cause, VIV_CLIENT_CAUSE_DRAIN);
    assert_int_equal(r->receipt->delivery, VIV_CLIENT_DELIVERY_COOPERATIVE);
    e2e_end(&running);
    assert_true(daemon_wait(&e2e.daemon));
}

static void test_draining_daemon_takes_nothing_new_and_says_so(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct e2e_running running;

    e2e_begin(&running, e2e.client, NULL, LOOP);
    e2e_wait_output(&running, "in\n");
    daemon_terminate(&e2e.daemon);
    wait_until_not_serving();
    e2e_expect_refused(&request, VIV_UNAVAILABLE);
    daemon_terminate(&e2e.daemon);
    e2e_end(&running);
    assert_true(daemon_wait(&e2e.daemon));
}

static void test_second_signal_cuts_the_grace_period_short(void **state)
{
    struct viv_client_response *r;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, NULL, LOOP);
    e2e_wait_output(&running, "in\n");
    daemon_terminate(&e2e.daemon);
    wait_until_not_serving();
    daemon_terminate(&e2e.daemon);
    r = e2e_wait_response(&running);
    assert_int_equal(r->receipt->cause, VIV_CLIENT_CAUSE_DRAIN);
    e2e_end(&running);
    assert_true(daemon_wait(&e2e.daemon));
}

static void test_client_of_a_daemon_that_is_gone_is_told_so(void **state)
{
    struct viv_client_request request = {.code = "1"};

    e2e_expect_alive();
    daemon_terminate(&e2e.daemon);
    assert_true(daemon_wait(&e2e.daemon));
    e2e_expect_refused(&request, VIV_UNAVAILABLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest soon[] = {
        TEST(test_execution_that_does_not_end_is_cancelled),
    };
    const struct CMUnitTest tests[] = {
        TEST(test_idle_daemon_ends_with_status_zero),
        TEST(test_running_execution_may_end_in_its_grace_period),
        TEST(test_draining_daemon_takes_nothing_new_and_says_so),
        TEST(test_second_signal_cuts_the_grace_period_short),
        TEST(test_client_of_a_daemon_that_is_gone_is_told_so),
    };
    int failed = cmocka_run_group_tests(soon, short_grace, NULL);

    return failed + cmocka_run_group_tests(tests, long_grace, NULL);
}
