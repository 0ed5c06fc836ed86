/* Requests that don't come in time. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/abuse_raw.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

static void test_never(void **state)
{
    int fd = raw_connect(fixture_daemon.socket);

    assert_true(raw_greet(fd, 65535) && raw_call(fd, 1, "Execute", true));
    assert_true(raw_await(fd, "the call has begun, but its request has not come"));
    /* The next one on that connection is fine. */
    assert_true(raw_call(fd, 3, "Execute", true) &&
                raw_message(fd, 3, "\x12\x04pass", sizeof("\x12\x04pass") - 1));
    assert_true(raw_await(fd, "ok"));
    close(fd);
}

static void test_no_question(void **state)
{
    static const char method[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    int fd = raw_connect(fixture_daemon.socket);

    assert_true(raw_greet(fd, 65535) && raw_call(fd, 1, method, true));
    assert_true(raw_await(fd, "the call has begun, but its request has not come"));
    close(fd);
}

/* What takes long once its request is there may do so. */
static void test_slow_execution(void **state)
{
    struct rpc_call *call =
        fixture_start(FIXTURE_VIVARIUM "Execute", "slow", "loop", (struct rpc_options){0});

    test_never(state);
    fixture_expect_running(1);
    rpc_cancel(call);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
}

int main(void)
{
    static const char *const flags[] = {"--request-timeout", "0.3", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_no_question),
        cmocka_unit_test(test_slow_execution),
    };

    fixture_flags = flags;
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
