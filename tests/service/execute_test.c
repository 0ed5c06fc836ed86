/* Execute and Cancel through the daemon. */
#include <stdio.h>
#include <string.h>

#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"

static void free_response(Vivarium__V1__ExecuteResponse *response)
{
    vivarium__v1__execute_response__free_unpacked(response, NULL);
}

static void test_completes(void **state)
{
    Vivarium__V1__ExecuteResponse *r = fixture_run("pass");

    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_COMPLETED);
    assert_string_equal(r->result_repr, "ok");
    assert_int_equal(r->enforcement->n_layers, 2);
    assert_null(r->cancellation);
    free_response(r);
    r = fixture_run("die");
    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_WORKER_DIED);
    assert_int_equal(r->death->signal, 11);
    free_response(r);
}

static void expect_description(struct rpc_options options, const char *words)
{
    int status;
    Vivarium__V1__ExecuteResponse *r =
        fixture_end(fixture_start(EXECUTE, NULL, "describe", options), &status, NULL);

    assert_int_equal(status, GRPC_STATUS_OK);
    if (!strstr(r->result_repr, words))
        fail_msg("'%s' is not in '%s'", words, r->result_repr);
    free_response(r);
}

static void test_tenant(void **state)
{
    char text[RPC_TEXT_MAX];
    int status;

    expect_description((struct rpc_options){0}, "tenant=default ");
    expect_description((struct rpc_options){.tenant = "a.b:c-d_E9"}, "tenant=a.b:c-d_E9 ");
    assert_null(
        fixture_end(fixture_start(EXECUTE, NULL, "pass", (struct rpc_options){.tenant = "a b"}),
                    &status, text));
    assert_int_equal(status, GRPC_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(text, "vivarium-tenant"));
}

/* What the supervisor is told lies more than a tenth of a second before the
 * client's deadline. */
static void test_deadline_margin(void **state)
{
    int status;
    long left = 0;
    Vivarium__V1__ExecuteResponse *r = fixture_end(
        fixture_start(EXECUTE, NULL, "describe", (struct rpc_options){.deadline_ms = 5000}),
        &status, NULL);

    assert_int_equal(sscanf(strstr(r->result_repr, "deadline="), "deadline=%ld", &left), 1);
    assert_in_range(left, 3000, 4870);
    free_response(r);
}

static void test_deadline(void **state)
{
    int status;
    int64_t began = fixture_now_ms();
    Vivarium__V1__ExecuteResponse *r =
        fixture_end(fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){.deadline_ms = 800}),
                    &status, NULL);

    /* The response is there before the client gives up. */
    assert_int_equal(status, GRPC_STATUS_OK);
    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_WALL_TIME_EXCEEDED);
    assert_int_equal(r->cancellation->cause, VIVARIUM__V1__CAUSE__CAUSE_DEADLINE);
    assert_true(fixture_now_ms() - began >= 500);
    free_response(r);
    fixture_expect_running(0);
}

static Vivarium__V1__CancelResponse *cancel(const char *id, const char *tenant, bool wait)
{
    Vivarium__V1__CancelRequest request = VIVARIUM__V1__CANCEL_REQUEST__INIT;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];

    request.execution_id = (char *)id;
    request.reason = "because";
    request.wait = wait;
    assert_int_equal(rpc_unary(fixture_channel, FIXTURE_VIVARIUM "Cancel", &request.base,
                               &vivarium__v1__cancel_response__descriptor,
                               (struct rpc_options){.tenant = tenant}, &response, text),
                     GRPC_STATUS_OK);
    return (Vivarium__V1__CancelResponse *)response;
}

static void expect_state(Vivarium__V1__CancelResponse *response, Vivarium__V1__CancelState state)
{
    assert_int_equal(response->state, state);
    vivarium__v1__cancel_response__free_unpacked(response, NULL);
}

static void test_cancel(void **state)
{
    struct rpc_call *call = fixture_start(EXECUTE, "one", "loop", (struct rpc_options){0});
    Vivarium__V1__CancelResponse *answer;
    Vivarium__V1__ExecuteResponse *r;
    int status;

    fixture_expect_running(1);
    expect_state(cancel("one", "other", true), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_NOT_FOUND);
    expect_state(cancel("two", NULL, true), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_NOT_FOUND);
    answer = cancel("one", NULL, true);
    assert_string_equal(answer->cancellation->reason, "because");
    expect_state(answer, VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_FINISHED);
    r = fixture_end(call, &status, NULL);
    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_CANCELLED);
    assert_int_equal(r->cancellation->cause, VIVARIUM__V1__CAUSE__CAUSE_CANCEL_RPC);
    free_response(r);
    call = fixture_start(EXECUTE, "one", "loop", (struct rpc_options){0});
    fixture_expect_running(1);
    expect_state(cancel("one", NULL, false), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_CANCELLING);
    free_response(fixture_end(call, &status, NULL));
}

static void test_call_cancelled(void **state)
{
    struct rpc_call *call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});

    fixture_expect_running(1);
    rpc_cancel(call);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
}

static void test_client_gone(void **state)
{
    grpc_channel *mine = fixture_channel, *other = rpc_open(fixture_daemon.target);
    struct rpc_call *call;

    fixture_channel = other;
    call = fixture_start(EXECUTE, NULL, "loop", (struct rpc_options){0});
    fixture_channel = mine;
    fixture_expect_running(1);
    rpc_cancel(call);
    rpc_end(call, NULL);
    grpc_channel_destroy(other);
    fixture_expect_running(0);
}

static void test_detached(void **state)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    struct rpc_call *call;

    request.code = "loop";
    request.execution_id = "free";
    request.detach = true;
    call = rpc_start(fixture_channel, EXECUTE, &request.base,
                     (struct rpc_options){.deadline_ms = 300});
    fixture_expect_running(1);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_DEADLINE_EXCEEDED);
    fixture_sleep_ms(300);
    fixture_expect_running(1);
    expect_state(cancel("free", NULL, true), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_FINISHED);
    fixture_expect_running(0);
}

static void expect_error(const Vivarium__V1__ExecuteRequest *request, int status, const char *words)
{
    char text[RPC_TEXT_MAX];
    int got;

    assert_null(fixture_end(
        rpc_start(fixture_channel, EXECUTE, &request->base, (struct rpc_options){0}), &got, text));
    if (got != status || !strstr(text, words))
        fail_msg("status %d: %s", got, text);
}

static void test_errors(void **state)
{
    Vivarium__V1__ExecuteRequest r = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    Vivarium__V1__Limits limits = VIVARIUM__V1__LIMITS__INIT;
    Google__Protobuf__Duration negative = GOOGLE__PROTOBUF__DURATION__INIT;
    struct rpc_call *call;

    r.code = "reject";
    expect_error(&r, GRPC_STATUS_RESOURCE_EXHAUSTED, "queue is full");
    r.code = "pass";
    r.session_id = "none";
    expect_error(&r, GRPC_STATUS_NOT_FOUND, "no session none");
    r.session_id = "";
    r.limits = &limits;
    negative.seconds = -1;
    limits.wall_time = &negative;
    expect_error(&r, GRPC_STATUS_INVALID_ARGUMENT, "limits.wall_time: is negative");
    limits.wall_time = NULL;
    limits.memory_bytes = UINT64_MAX;
    expect_error(&r, GRPC_STATUS_INVALID_ARGUMENT, "limits.memory_bytes");
    limits.memory_bytes = 0;
    r.code = "\xff\xfe";
    expect_error(&r, GRPC_STATUS_INVALID_ARGUMENT, "UTF-8");
    r.code = "pass";
    r.execution_id = "twice";
    call = fixture_start(EXECUTE, "twice", "loop", (struct rpc_options){0});
    fixture_expect_running(1);
    expect_error(&r, GRPC_STATUS_ALREADY_EXISTS, "twice");
    rpc_cancel(call);
    rpc_end(call, NULL);
    fixture_expect_running(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completes),       cmocka_unit_test(test_tenant),
        cmocka_unit_test(test_deadline_margin), cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_cancel),          cmocka_unit_test(test_call_cancelled),
        cmocka_unit_test(test_client_gone),     cmocka_unit_test(test_detached),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
