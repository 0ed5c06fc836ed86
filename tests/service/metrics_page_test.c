/* What monitoring sees of a running daemon. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/service/credentials.h"
#include "tests/service/fixture.h"
#include "tests/service/http.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"

static char socket_path[128];

static int set_up(void **state)
{
    static char metrics[160];
    static const char *flags[] = {"--metrics", metrics, NULL};

    credentials_make();
    snprintf(socket_path, sizeof(socket_path), "%s", credentials_path("metrics.sock"));
    snprintf(metrics, sizeof(metrics), "unix:%s", socket_path);
    fixture_flags = flags;
    return fixture_set_up(state);
}

static int tear_down(void **state)
{
    int status = fixture_tear_down(state);

    credentials_remove();
    return status;
}

static char *page(void)
{
    char *body;

    assert_int_equal(http_get(socket_path, "GET", "/metrics", &body), 200);
    return body;
}

static double metric(const char *name)
{
    char *body = page();
    double value = http_metric(body, name);

    free(body);
    return value;
}

static int run(const char *code, const char *tenant)
{
    int status;
    struct rpc_call *call =
        fixture_start(EXECUTE, NULL, code, (struct rpc_options){.tenant = tenant});
    Vivarium__V1__ExecuteResponse *response = fixture_end(call, &status, NULL);

    if (response)
        vivarium__v1__execute_response__free_unpacked(response, NULL);
    return status;
}

static void test_paths(void **state)
{
    char *body;

    assert_int_equal(http_get(socket_path, "GET", "/healthz", &body), 200);
    assert_string_equal(body, "ok\n");
    free(body);
    assert_int_equal(http_get(socket_path, "GET", "/readyz", NULL), 200);
    assert_int_equal(http_get(socket_path, "GET", "/", NULL), 404);
    assert_int_equal(http_get(socket_path, "GET", "/metrics/../../etc/passwd", NULL), 404);
    assert_int_equal(http_get(socket_path, "POST", "/metrics", NULL), 405);
}

static void test_executions(void **state)
{
    run("pass", "t1");
    run("pass", "t1");
    run("die", "t2");
    run("reject", "t1");
    assert_true(metric("vivarium_executions_total{tenant=\"t1\",outcome=\"COMPLETED\"}") == 2);
    assert_true(metric("vivarium_executions_total{tenant=\"t2\",outcome=\"WORKER_DIED\"}") == 1);
    assert_true(
        metric("vivarium_executions_rejected_total{tenant=\"t1\",code=\"ResourceExhausted\"}") ==
        1);
    assert_true(metric("vivarium_execution_run_seconds_count{tenant=\"t1\"}") == 2);
    assert_true(metric("vivarium_execution_run_seconds_bucket{tenant=\"t1\",le=\"+Inf\"}") == 2);
    /* "pass", "pass", "reject" */
    assert_true(metric("vivarium_execution_request_bytes_total{tenant=\"t1\"}") == 14);
}

/* Counted when the call is freed, which is after its client has the answer. */
static void wait_until(const char *name, double value)
{
    for (int i = 0; i < 1000 && metric(name) != value; i++)
        fixture_sleep_ms(5);
    assert_true(metric(name) == value);
}

/* After test_executions, whose own one is awaited first. */
static void test_calls(void **state)
{
    static const char handled[] = "grpc_server_handled_total{grpc_service=\"vivarium.v1.Vivarium\","
                                  "grpc_method=\"Execute\",grpc_code=\"ResourceExhausted\"}";

    wait_until(handled, 1);
    run("reject", NULL);
    wait_until(handled, 2);
    assert_true(metric("vivarium_connections") >= 1);
    assert_true(metric("vivarium_connections_accepted_total") >= 1);
}

static void test_cancels(void **state)
{
    static const char name[] =
        "vivarium_cancellations_total{cause=\"CALL_CANCELLED\",delivery=\"cooperative\"}";
    struct rpc_call *call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});

    fixture_expect_running(1);
    rpc_cancel(call);
    rpc_end(call, NULL);
    fixture_expect_running(0);
    assert_true(metric(name) == 1);
}

static size_t count_lines(const char *text, const char *start)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, start)) != NULL; at++)
        count++;
    return count;
}

/* Clients name tenants in the open mode: past the most they share one label. */
static void test_tenants_bounded(void **state)
{
    char name[32], *body;

    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof(name), "many-%d", i);
        run("pass", name);
    }
    body = page();
    assert_int_equal(count_lines(body, "\nvivarium_execution_run_seconds_count{"), 51);
    assert_true(http_metric(body, "vivarium_executions_total{tenant=\"other\","
                                  "outcome=\"COMPLETED\"}") >= 30);
    free(body);
}

/* As Prometheus' own checker sees it. */
static void test_promtool(void **state)
{
    char command[256], *body = page();
    FILE *f = fopen(credentials_path("page"), "we");

    assert_non_null(f);
    fputs(body, f);
    fclose(f);
    free(body);
    if (system("command -v promtool >/dev/null") != 0)
        skip();
    snprintf(command, sizeof(command), "promtool check metrics <'%s' >&2",
             credentials_path("page"));
    assert_int_equal(system(command), 0);
}

/* Not ready while it drains, but alive. */
static void test_draining(void **state)
{
    struct rpc_call *call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});
    Vivarium__V1__ExecuteResponse *response;
    int status = 0;

    fixture_expect_running(1);
    kill(fixture_daemon.pid, SIGTERM);
    for (int i = 0; i < 1000 && status != 503; i++) {
        status = http_get(socket_path, "GET", "/readyz", NULL);
        fixture_sleep_ms(5);
    }
    assert_int_equal(status, 503);
    assert_int_equal(http_get(socket_path, "GET", "/healthz", NULL), 200);
    kill(fixture_daemon.pid, SIGTERM);
    response = fixture_end(call, &status, NULL);
    assert_int_equal(status, GRPC_STATUS_OK);
    vivarium__v1__execute_response__free_unpacked(response, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),           cmocka_unit_test(test_executions),
        cmocka_unit_test(test_calls),           cmocka_unit_test(test_cancels),
        cmocka_unit_test(test_tenants_bounded), cmocka_unit_test(test_promtool),
        cmocka_unit_test(test_draining),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
