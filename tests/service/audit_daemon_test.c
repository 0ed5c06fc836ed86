/* The audit of a running daemon, and what a service manager hears of it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/service/credentials.h"
#include "tests/service/fixture.h"
#include "tests/service/http.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"
#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
/* echo -n pass | sha256sum */
#define PASS_HASH "d74ff0ee8da3b9806b18c877dbf29bbde50b5bd8e4dad7a3a725000feb82e8f1"

static int set_up(void **state)
{
    credentials_make();
    return 0;
}

static int tear_down(void **state)
{
    credentials_remove();
    return 0;
}

static void start(const char *const *flags)
{
    fixture_flags = flags;
    fixture_set_up(NULL);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *f = fopen(path, "re");

    if (f) {
        (void)!fread(text, 1, (1 << 16) - 1, f);
        fclose(f);
    }
    return text;
}

static int count_lines(const char *text)
{
    int count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* Once it has so many lines; the caller frees it. */
static char *expect_lines(const char *path, int lines)
{
    char *text = read_file(path);

    for (int i = 0; i < 1000 && count_lines(text) != lines; i++) {
        free(text);
        fixture_sleep_ms(10);
        text = read_file(path);
    }
    assert_int_equal(count_lines(text), lines);
    return text;
}

static int run(const char *id, const char *code, struct rpc_options options)
{
    int status;
    Vivarium__V1__ExecuteResponse *response =
        fixture_end(fixture_start(EXECUTE, id, code, options), &status, NULL);

    if (response)
        vivarium__v1__execute_response__free_unpacked(response, NULL);
    return status;
}

static void expect(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("no %s in %s", words, text);
}

static void test_lines(void **state)
{
    const char *path = credentials_path("audit");
    const char *flags[] = {"--audit", path, NULL};
    char *text;

    start(flags);
    run("one", "pass", (struct rpc_options){.tenant = "t1", .traceparent = PARENT});
    run("two", "reject", (struct rpc_options){.tenant = "t2", .traceparent = "nonsense\"}"});
    run("three", "die", (struct rpc_options){0});
    text = expect_lines(path, 3);
    expect(
        text,
        "\"event\":\"execution\",\"method\":\"Execute\",\"tenant\":\"t1\",\"credential\":\"open\","
        "\"execution_id\":\"one\",\"traceparent\":\"" PARENT "\"");
    expect(text, "\"code_sha256\":\"" PASS_HASH "\",\"request_bytes\":4,\"outcome\":\"COMPLETED\"");
    expect(text, "\"event\":\"execution_rejected\",\"method\":\"Execute\",\"tenant\":\"t2\","
                 "\"credential\":\"open\","
                 "\"execution_id\":\"two\",\"submitted_ns\"");
    expect(text, "\"outcome\":\"WORKER_DIED\"");
    assert_null(strstr(text, "nonsense"));
    assert_null(strstr(text, "\"pass\""));
    free(text);
    assert_int_equal(fixture_tear_down(NULL), 0);
}

/* Runs one and waits until its line stands in either; returns the lines of `path`. */
static int run_counted(const char *path, const char *old, int runs)
{
    int here = 0, all = 0;

    run(NULL, "pass", (struct rpc_options){0});
    for (int i = 0; i < 1000 && all != runs; i++) {
        char *a = read_file(path), *b = read_file(old);

        here = count_lines(a);
        all = here + count_lines(b);
        free(a);
        free(b);
        if (all != runs)
            fixture_sleep_ms(10);
    }
    assert_int_equal(all, runs);
    return here;
}

/* Renamed by others, then told: the next line stands in a new file. */
static void test_rotation(void **state)
{
    const char *path = credentials_path("rotated"), *old = credentials_path("rotated.1");
    const char *flags[] = {"--audit", path, NULL};
    static const int signals[] = {SIGHUP, SIGUSR1};

    start(flags);
    for (int i = 0, lines = 0; i < 2; i++) {
        int runs = lines + 1;

        assert_int_equal(run_counted(path, old, runs), runs);
        assert_int_equal(rename(path, old), 0);
        assert_int_equal(run_counted(path, old, ++runs), 0);
        kill(fixture_daemon.pid, signals[i]);
        for (lines = 0; runs < 1000 && lines == 0;)
            lines = run_counted(path, old, ++runs);
        assert_true(lines > 0);
        assert_int_equal(unlink(old), 0);
    }
    assert_int_equal(fixture_tear_down(NULL), 0);
}

/* A line that can't be written is counted, and holds nobody up. */
static void test_failing(void **state)
{
    const char *metrics = credentials_path("m1.sock");
    char address[160], *log, *page;
    const char *flags[] = {"--audit", "/dev/full", "--metrics", address, NULL};
    double failures = 0;

    snprintf(address, sizeof(address), "unix:%s", metrics);
    start(flags);
    for (int i = 0; i < 5; i++)
        assert_int_equal(run(NULL, "pass", (struct rpc_options){0}), GRPC_STATUS_OK);
    for (int i = 0; i < 1000 && failures != 5; i++) {
        assert_int_equal(http_get(metrics, "GET", "/metrics", &page), 200);
        failures = http_metric(page, "vivarium_audit_failures_total");
        free(page);
        fixture_sleep_ms(5);
    }
    assert_true(failures == 5);
    log = daemon_process_log(&fixture_daemon);
    expect(log, "\"event\":\"audit_failed\",\"path\":\"/dev/full\"");
    free(log);
    assert_int_equal(fixture_tear_down(NULL), 0);
}

/* Where it is required, nothing runs without it, and all is written in the end. */
static void test_required(void **state)
{
    const char *path = credentials_path("needed"), *real = credentials_path("real");
    const char *flags[] = {"--audit", path, "--audit-required", NULL};
    int status = GRPC_STATUS_OK, ran = 0;

    assert_int_equal(symlink("/dev/full", path), 0);
    start(flags);
    for (int i = 0; i < 1000 && status == GRPC_STATUS_OK; i++) {
        status = run(NULL, "pass", (struct rpc_options){0});
        ran += status == GRPC_STATUS_OK;
    }
    assert_int_equal(status, GRPC_STATUS_UNAVAILABLE);
    assert_true(ran >= 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(real, path), 0);
    kill(fixture_daemon.pid, SIGUSR1);
    free(expect_lines(real, ran));
    assert_int_equal(run(NULL, "pass", (struct rpc_options){0}), GRPC_STATUS_OK);
    free(expect_lines(real, ran + 1));
    assert_int_equal(fixture_tear_down(NULL), 0);
}

static void test_unopenable(void **state)
{
    char log[4096];

    assert_int_equal(daemon_process_fail((const char *[]){"--audit", "/nonexistent/a", "--listen",
                                                          "127.0.0.1:0", NULL},
                                         log, sizeof(log)),
                     1);
    expect(log, "can't open the audit file /nonexistent/a");
}

static void expect_state(int fd, const char *words)
{
    char text[256] = "";

    assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
    expect(text, words);
}

static void test_notify(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", credentials_path("notify"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    start(NULL);
    unsetenv("NOTIFY_SOCKET");
    expect_state(fd, "READY=1");
    kill(fixture_daemon.pid, SIGHUP);
    expect_state(fd, "RELOADING=1\nMONOTONIC_USEC=");
    expect_state(fd, "READY=1");
    assert_int_equal(fixture_tear_down(NULL), 0);
    expect_state(fd, "STOPPING=1");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_failing),    cmocka_unit_test(test_required),
        cmocka_unit_test(test_unopenable), cmocka_unit_test(test_notify),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
