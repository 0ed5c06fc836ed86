/* How the daemon starts, refuses to, and ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grpc/health/v1/health.pb-c.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"
#define STREAM FIXTURE_VIVARIUM "ExecuteStream"

static void start(const char *grace)
{
    static const char *flags[3] = {"--drain-grace", NULL, NULL};

    flags[1] = grace;
    fixture_flags = flags;
    fixture_set_up(NULL);
}

static void end(int wanted)
{
    grpc_channel_destroy(fixture_channel);
    assert_int_equal(daemon_process_wait(&fixture_daemon), wanted);
    grpc_shutdown();
}

static void test_idle(void **state)
{
    struct stat st;
    char lock[128];

    start("10");
    snprintf(lock, sizeof(lock), "%s.lock", fixture_daemon.socket);
    assert_int_equal(stat(fixture_daemon.socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(lock, F_OK), 0);
    fixture_expect_service();
    kill(fixture_daemon.pid, SIGINT);
    end(0);
}

/* A running execution gets its time, a new one is refused, health says so
 * first, and its watcher hears it live. */
static void test_grace(void **state)
{
    Grpc__Health__V1__HealthCheckRequest any = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *health;
    struct rpc_call *running, *late, *watch;
    Vivarium__V1__ExecuteResponse *r;
    int status;

    start("10");
    running = fixture_start(EXECUTE, NULL, "sleep 700", (struct rpc_options){0});
    watch = rpc_start(fixture_channel, "/grpc.health.v1.Health/Watch", &any.base,
                      (struct rpc_options){0});
    protobuf_c_message_free_unpacked(
        rpc_read_message(watch, &grpc__health__v1__health_check_response__descriptor), NULL);
    fixture_expect_running(1);
    kill(fixture_daemon.pid, SIGTERM);
    health = (Grpc__Health__V1__HealthCheckResponse *)rpc_read_message(
        watch, &grpc__health__v1__health_check_response__descriptor);
    assert_int_equal(health->status,
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    protobuf_c_message_free_unpacked(&health->base, NULL);
    fixture_sleep_ms(50);
    late = fixture_start(EXECUTE, NULL, "pass", (struct rpc_options){0});
    assert_null(fixture_end(late, &status, NULL));
    assert_int_equal(status, GRPC_STATUS_UNAVAILABLE);
    r = fixture_end(running, &status, NULL);
    assert_int_equal(status, GRPC_STATUS_OK);
    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_COMPLETED);
    vivarium__v1__execute_response__free_unpacked(r, NULL);
    assert_int_equal(rpc_end(watch, NULL), GRPC_STATUS_UNAVAILABLE);
    end(0);
}

static void expect_drained(struct rpc_call *call)
{
    Vivarium__V1__ExecuteResponse *r;
    int status;

    r = fixture_end(call, &status, NULL);
    assert_int_equal(status, GRPC_STATUS_OK);
    assert_int_equal(r->cancellation->cause, VIVARIUM__V1__CAUSE__CAUSE_DRAIN);
    vivarium__v1__execute_response__free_unpacked(r, NULL);
}

static void test_grace_over(void **state)
{
    int64_t began;
    struct rpc_call *call;

    start("0.3");
    call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});
    fixture_expect_running(1);
    began = fixture_now_ms();
    kill(fixture_daemon.pid, SIGTERM);
    expect_drained(call);
    assert_true(fixture_now_ms() - began >= 290);
    end(0);
}

static void test_second_signal(void **state)
{
    int64_t began;
    struct rpc_call *call;

    start("60");
    call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});
    fixture_expect_running(1);
    began = fixture_now_ms();
    kill(fixture_daemon.pid, SIGTERM);
    fixture_sleep_ms(200);
    kill(fixture_daemon.pid, SIGTERM);
    expect_drained(call);
    end(0);
    assert_true(fixture_now_ms() - began >= 200);
}

/* Reads what has arrived; the end must not be a good one. */
static void expect_cut(struct rpc_call *call)
{
    uint8_t *data;
    size_t len;

    while (rpc_read(call, &data, &len))
        free(data);
    assert_int_not_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
}

/* Streams that nobody reads, and a reflection stream that its client keeps
 * open, don't keep the daemon: it waits for them a little, then cancels them. */
static void test_under_load(void **state)
{
    struct rpc_call *calls[30], *open;

    start("0.2");
    for (int i = 0; i < 30; i++)
        calls[i] = fixture_start(STREAM, NULL, "print 100000 16384", (struct rpc_options){0});
    open = rpc_start_bytes(fixture_channel,
                           "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "\x3a\x00",
                           2, (struct rpc_options){.open = true});
    fixture_expect_running(30);
    kill(fixture_daemon.pid, SIGTERM);
    assert_int_equal(daemon_process_wait(&fixture_daemon), 0);
    for (int i = 0; i < 30; i++)
        expect_cut(calls[i]);
    expect_cut(open);
    grpc_channel_destroy(fixture_channel);
    grpc_shutdown();
}

static void test_stuck(void **state)
{
    struct rpc_call *call;

    start("60");
    call = fixture_start(EXECUTE, NULL, "stubborn 60000", (struct rpc_options){0});
    fixture_expect_running(1);
    for (int i = 0; i < 3; i++) {
        kill(fixture_daemon.pid, SIGTERM);
        fixture_sleep_ms(200);
    }
    assert_int_not_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
    end(1);
}

static void test_second_daemon(void **state)
{
    const char *flags[] = {"--listen", NULL, NULL};
    char log[4096], pid[32];

    start("1");
    flags[1] = fixture_daemon.target;
    snprintf(pid, sizeof(pid), "(pid %d)", fixture_daemon.pid);
    assert_int_equal(daemon_process_fail(flags, log, sizeof(log)), 1);
    if (!strstr(log, pid))
        fail_msg("%s", log);
    fixture_expect_service();
    kill(fixture_daemon.pid, SIGTERM);
    end(0);
}

/* A daemon that was killed leaves socket and lock behind: neither is in the
 * way of the next. */
static void test_after_kill(void **state)
{
    struct daemon_process first, second;
    const char *flags[] = {"--listen", NULL, NULL};

    daemon_process_start(&first, NULL);
    flags[1] = first.target;
    kill(first.pid, SIGKILL);
    fixture_sleep_ms(100);
    daemon_process_start(&second, flags);
    assert_int_equal(access(first.socket, F_OK), 0);
    assert_int_equal(daemon_process_stop(&second), 0);
    assert_int_not_equal(access(first.socket, F_OK), 0);
    assert_int_equal(daemon_process_wait(&first), 128 + SIGKILL);
}

static void expect_failure(const char *flag, const char *value, int status, const char *words)
{
    const char *flags[] = {flag, value, NULL};
    char log[4096];

    assert_int_equal(daemon_process_fail(flags, log, sizeof(log)), status);
    if (!strstr(log, words))
        fail_msg("%s", log);
}

static void test_refusals(void **state)
{
    expect_failure("--help", NULL, 0, "");
    expect_failure("--version", NULL, 0, "");
    expect_failure("--nonsense", NULL, 2, "no such flag: --nonsense");
    expect_failure("--listen", "0.0.0.0:1", 2, "loopback");
    expect_failure("--listen", "unix:/dev/null", 1, "/dev/null");
    expect_failure("--listen", "unix:/nowhere/at/all/v.sock", 1, "/nowhere/at/all");
}

/* Workers that have a network could ask for anything in any tenant's name. */
static void test_no_open_tcp_beside_a_network(void **state)
{
    static const char text[] = "profiles:\n  - {name: online, network: true}\n";
    char path[] = "/tmp/viv-service-file-XXXXXX", log[4096];
    const char *flags[] = {"--config", path, "--listen", "127.0.0.1:0,auth=open", NULL};
    int fd = mkstemp(path);

    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_not_equal(daemon_process_fail(flags, log, sizeof(log)), 0);
    if (!strstr(log, "workers of profile online have the network"))
        fail_msg("%s", log);
    unlink(path);
}

/* One of two listeners fails: the other must not keep the process. */
static void test_half_bound(void **state)
{
    char path[] = "/tmp/viv-service-file-XXXXXX", target[64], good[64];
    const char *flags[] = {"--listen", good, "--listen", target, NULL};
    int fd = mkstemp(path);
    char log[4096];

    assert_true(fd >= 0);
    snprintf(target, sizeof(target), "unix:%s", path);
    snprintf(good, sizeof(good), "unix:%s.good", path);
    assert_int_equal(daemon_process_fail(flags, log, sizeof(log)), 1);
    assert_non_null(strstr(log, "is not a socket"));
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    unlink(path);
    assert_int_not_equal(access(good + 5, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle),          cmocka_unit_test(test_grace),
        cmocka_unit_test(test_grace_over),    cmocka_unit_test(test_second_signal),
        cmocka_unit_test(test_under_load),    cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_second_daemon), cmocka_unit_test(test_after_kill),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_no_open_tcp_beside_a_network),
        cmocka_unit_test(test_half_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
