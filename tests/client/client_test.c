/* The client library against a server that does what the test says. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/client/fixture.h"
#include "vivarium/v1/vivarium.pb-c.h"

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- handlers ---- */

static void answer_events(struct fake_call *call)
{
    static const char *const texts[] = {"one\n", "two\n", "three"};
    Vivarium__V1__ExecuteEvent event = VIVARIUM__V1__EXECUTE_EVENT__INIT;
    Vivarium__V1__Started started = VIVARIUM__V1__STARTED__INIT;
    Vivarium__V1__Output output = VIVARIUM__V1__OUTPUT__INIT;

    started.execution_id = "one";
    event.event_case = VIVARIUM__V1__EXECUTE_EVENT__EVENT_STARTED;
    event.started = &started;
    fake_send(call, &event.base);
    event.event_case = VIVARIUM__V1__EXECUTE_EVENT__EVENT_OUTPUT;
    event.output = &output;
    for (int i = 0; i < 3; i++) {
        output.stream = i == 1 ? VIVARIUM__V1__STREAM__STREAM_STDERR
                               : VIVARIUM__V1__STREAM__STREAM_STDOUT;
        output.data = (ProtobufCBinaryData){strlen(texts[i]), (uint8_t *)texts[i]};
        fake_send(call, &event.base);
    }
    fixture_completed(call);
}

static void answer_unavailable(struct fake_call *call)
{
    atomic_fetch_add(&fix.calls, 1);
    fake_finish(call, GRPC_STATUS_UNAVAILABLE, "draining: ask another one");
}

static void answer_list_after_two_failures(struct fake_call *call)
{
    Vivarium__V1__ListExecutionsResponse response = VIVARIUM__V1__LIST_EXECUTIONS_RESPONSE__INIT;

    if (atomic_load(&fix.calls) < 2) {
        answer_unavailable(call);
        return;
    }
    atomic_fetch_add(&fix.calls, 1);
    fake_send(call, &response.base);
    fake_finish(call, GRPC_STATUS_OK, "");
}

static void answer_garbage(struct fake_call *call)
{
    fake_send_bytes(call, "\xff\xff\xff\xff", 4);
    fake_finish(call, GRPC_STATUS_OK, "");
}

static void answer_nothing(struct fake_call *call)
{
    fake_finish(call, GRPC_STATUS_OK, "");
}

/* ---- calls ---- */

static void test_execute_gives_the_response(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(fixture_execute(client, NULL, &response, &err), 0);
    assert_string_equal(response->execution_id, "one");
    assert_int_equal(response->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(response->stdout_len, 3);
    assert_memory_equal(response->stdout_data, "a\0b", 3);
    assert_int_equal(response->exit_status, -1);
    assert_null(response->exception);
    assert_null(response->receipt);
    viv_client_response_free(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_tenant_travels_as_metadata(void **state)
{
    struct viv_client_options options = {.tenant = "red"};
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(&options);
    struct viv_client_response *response = NULL;

    assert_int_equal(fixture_execute(client, NULL, &response, NULL), 0);
    assert_string_equal(fix.tenant, "red");
    viv_client_response_free(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_tenant_with_a_line_end_is_refused(void **state)
{
    struct viv_client_options options = {.tenant = "red\nblue"};
    struct viv_client *client = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_open(fix.target, &options, &client, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_null(client);
}

static void test_stream_gives_events_in_order(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, answer_events, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response = NULL;
    struct heard heard = {0};

    assert_int_equal(
        viv_client_execute_stream(client, &request, &fixture_events, &heard, &response, NULL), 0);
    assert_string_equal(heard.text, "started:one;out:one\n;err:two\n;out:three;");
    assert_int_equal(response->outcome, VIV_CLIENT_COMPLETED);
    viv_client_response_free(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_callback_that_says_stop_ends_the_call(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, answer_events, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response = NULL;
    struct heard heard = {.stop_after = 2};
    struct viv_error err;

    assert_int_equal(
        viv_client_execute_stream(client, &request, &fixture_events, &heard, &response, &err), -1);
    assert_int_equal(err.status, VIV_CANCELLED);
    assert_null(response);
    assert_int_equal(heard.events, 2);
    viv_client_close(client);
    fake_server_stop(server);
}

static void expect_internal(fake_handler *handler, bool stream)
{
    struct fake_server *server = fake_server_start(fix.target, handler, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_execute_stream(client, &request, stream ? &fixture_events : NULL,
                                               &(struct heard){0}, &response, &err),
                     -1);
    assert_int_equal(err.status, VIV_INTERNAL);
    assert_null(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_garbage_as_an_answer_is_internal(void **state)
{
    expect_internal(answer_garbage, false);
}

static void test_garbage_as_an_event_is_internal(void **state)
{
    expect_internal(answer_garbage, true);
}

static void test_ok_without_an_answer_is_internal(void **state)
{
    expect_internal(answer_nothing, false);
}

static void test_stream_that_ends_early_is_internal(void **state)
{
    expect_internal(answer_nothing, true);
}

/* ---- what goes wrong ---- */

static void test_no_server_is_said_at_once(void **state)
{
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_response *response = NULL;
    struct viv_error err;
    int64_t begin = now_ns();

    assert_int_equal(fixture_execute(client, NULL, &response, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    assert_ptr_equal(strstr(err.text, VIV_CLIENT_UNREACHABLE), err.text);
    assert_non_null(strstr(err.text, "No such file"));
    assert_true(now_ns() - begin < 2000 * MS);
    viv_client_close(client);
}

static void *start_late(void *arg)
{
    usleep(300000);
    return fake_server_start(fix.target, fixture_completed, NULL);
}

static void test_connect_wait_waits_for_the_server(void **state)
{
    struct viv_client_options options = {.connect_wait_ns = 20000 * MS};
    struct viv_client *client = fixture_open(&options);
    struct viv_client_response *response = NULL;
    void *server = NULL;
    pthread_t thread;

    pthread_create(&thread, NULL, start_late, NULL);
    assert_int_equal(fixture_execute(client, NULL, &response, NULL), 0);
    pthread_join(thread, &server);
    viv_client_response_free(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_client_finds_a_server_that_came_back(void **state)
{
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_response *response = NULL;
    struct fake_server *server;

    assert_int_equal(fixture_execute(client, NULL, &response, NULL), -1);
    server = fake_server_start(fix.target, fixture_completed, NULL);
    assert_int_equal(fixture_execute(client, NULL, &response, NULL), 0);
    viv_client_response_free(response);
    fake_server_stop(server);
    server = fake_server_start(fix.target, fixture_completed, NULL);
    assert_int_equal(fixture_execute(client, "named", &response, NULL), 0);
    viv_client_response_free(response);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_read_is_repeated_after_unavailable(void **state)
{
    struct fake_server *server =
        fake_server_start(fix.target, answer_list_after_two_failures, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_list_reply *list = NULL;

    assert_int_equal(viv_client_list(client, 0, &list, NULL), 0);
    assert_int_equal(atomic_load(&fix.calls), 3);
    viv_client_list_reply_free(list);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_attempts_of_one_repeats_nothing(void **state)
{
    struct viv_client_options options = {.attempts = 1};
    struct fake_server *server = fake_server_start(fix.target, answer_unavailable, NULL);
    struct viv_client *client = fixture_open(&options);
    struct viv_client_list_reply *list = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_list(client, 0, &list, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    assert_string_equal(err.text, "draining: ask another one");
    assert_int_equal(atomic_load(&fix.calls), 1);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_execute_is_never_sent_twice(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, answer_unavailable, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(fixture_execute(client, "named", &response, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    assert_int_equal(atomic_load(&fix.calls), 1);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_timeout_ends_a_call(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_never, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1", .timeout_ns = 200 * MS};
    struct viv_client_response *response = NULL;
    struct viv_error err;
    int64_t begin = now_ns();

    assert_int_equal(viv_client_execute(client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_DEADLINE_EXCEEDED);
    assert_true(now_ns() - begin >= 190 * MS);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_request_above_the_cap_is_not_sent(void **state)
{
    struct viv_client_options options = {.send_bytes_max = 100};
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(&options);
    char input[101] = "";
    struct viv_client_request request = {.stdin_data = input, .stdin_len = sizeof(input)};
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_execute(client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(atomic_load(&fix.calls), 0);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_answer_above_the_cap_is_refused(void **state)
{
    struct viv_client_options options = {.receive_bytes_max = 4};
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(&options);
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(fixture_execute(client, NULL, &response, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_negative_timeout_is_refused(void **state)
{
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1", .timeout_ns = -1};
    struct viv_client_response *response = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_execute(client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    viv_client_close(client);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_execute_gives_the_response),
        TEST(test_tenant_travels_as_metadata),
        TEST(test_tenant_with_a_line_end_is_refused),
        TEST(test_stream_gives_events_in_order),
        TEST(test_callback_that_says_stop_ends_the_call),
        TEST(test_garbage_as_an_answer_is_internal),
        TEST(test_garbage_as_an_event_is_internal),
        TEST(test_ok_without_an_answer_is_internal),
        TEST(test_stream_that_ends_early_is_internal),
        TEST(test_no_server_is_said_at_once),
        TEST(test_connect_wait_waits_for_the_server),
        TEST(test_client_finds_a_server_that_came_back),
        TEST(test_read_is_repeated_after_unavailable),
        TEST(test_attempts_of_one_repeats_nothing),
        TEST(test_execute_is_never_sent_twice),
        TEST(test_timeout_ends_a_call),
        TEST(test_request_above_the_cap_is_not_sent),
        TEST(test_answer_above_the_cap_is_refused),
        TEST(test_negative_timeout_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
