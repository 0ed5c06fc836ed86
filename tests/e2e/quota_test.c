/* One worker and a short queue: priorities, and when to come again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

static int begin(void **state)
{
    static const char *const flags[] = {
        "--workers-max", "1", "--workers-warm", "1", "--queue-max", "2", NULL};

    if (!daemon_start(&e2e.daemon, flags) ||
        viv_client_open(e2e.daemon.target, NULL, &e2e.client, NULL))
        return -1;
    return setenv("VIVARIUM_TARGET", e2e.daemon.target, 1);
}

static void wait_for_executions(size_t wanted)
{
    size_t count = 0;

    while (count != wanted) {
        struct viv_client_list_reply *reply;

        assert_int_equal(viv_client_list(e2e.client, 0, &reply, NULL), 0);
        count = reply->count;
        viv_client_list_reply_free(reply);
        usleep(10000);
    }
}

/* Has the worker, until e2e_cancel("hold"). */
static void hold(struct e2e_running *running)
{
    e2e_begin(running, e2e.client, "hold",
              "import time\nprint('in', flush=True)\ntime.sleep(10000)");
    e2e_wait_output(running, "in");
}

static void let_go(struct e2e_running *running)
{
    viv_client_cancel_reply_free(e2e_cancel("hold", false, true));
    e2e_end(running);
}

#define WHEN "import time\ntime.monotonic_ns()"

/* What waits longer has less of it. */
static void test_priorities(void **state)
{
    struct e2e_running running;
    struct viv low, high;

    hold(&running);
    viv_start(&low, NULL, (const char *[]){"run", "--priority", "low", "-c", WHEN, NULL});
    wait_for_executions(2);
    viv_start(&high, NULL, (const char *[]){"run", "--priority", "high", "-c", WHEN, NULL});
    wait_for_executions(3);
    let_go(&running);
    viv_finish(&low);
    viv_finish(&high);
    assert_int_equal(low.status, 0);
    assert_int_equal(high.status, 0);
    assert_true(strtoll(high.out_text, NULL, 10) > 0);
    assert_true(strtoll(high.out_text, NULL, 10) < strtoll(low.out_text, NULL, 10));
}

static void test_full_queue(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response;
    struct e2e_running running;
    struct viv_error err = {0};
    struct viv viv, waiting[2];

    hold(&running);
    for (int i = 0; i < 2; i++)
        viv_start(&waiting[i], NULL, (const char *[]){"run", "-c", "1", NULL});
    wait_for_executions(3);
    assert_int_equal(viv_client_execute(e2e.client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_in_range(err.retry_after_ns, 1, 60 * E2E_SECOND);
    VIV_RUN(&viv, "run", "-c", "1");
    assert_int_equal(viv.status, 75);
    assert_non_null(strstr(viv.err_text, " (in "));
    let_go(&running);
    for (int i = 0; i < 2; i++) {
        viv_finish(&waiting[i]);
        viv_expect(&waiting[i], 0, "1\n", "");
    }
}

/* What is no refusal says nothing of that. */
static void test_no_retry(void **state)
{
    struct viv_client_request request = {.code = "1", .session_id = "nobody's"};
    struct viv_client_response *response;
    struct viv_error err = {0};

    assert_int_equal(viv_client_execute(e2e.client, &request, &response, &err), -1);
    assert_int_equal(err.retry_after_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_no_retry),
    };

    return cmocka_run_group_tests(tests, begin, e2e_tear_down);
}
