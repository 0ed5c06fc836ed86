/* What the daemon says about itself: Describe, ListExecutions, health and
 * reflection. */
#include <stdio.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "supervisor/vivarium.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define HEALTH "/grpc.health.v1.Health/"
#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

static void test_describe(void **state)
{
    Vivarium__V1__DescribeRequest request = VIVARIUM__V1__DESCRIBE_REQUEST__INIT;
    Vivarium__V1__DescribeResponse *d;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];

    assert_int_equal(rpc_unary(fixture_channel, FIXTURE_VIVARIUM "Describe", &request.base,
                               &vivarium__v1__describe_response__descriptor,
                               (struct rpc_options){.tenant = "me"}, &response, text),
                     GRPC_STATUS_OK);
    d = (Vivarium__V1__DescribeResponse *)response;
    assert_string_equal(d->version, VIV_VERSION);
    assert_string_equal(d->vm, "fake 1.0");
    assert_string_equal(d->tenant, "me");
    assert_int_equal(d->ceilings->wall_time->seconds, 3600);
    assert_int_equal(d->ceilings->wall_time->nanos, 1);
    assert_int_equal(d->quotas->message_bytes, 64 << 20);
    assert_int_equal(d->enforcement->n_layers, 2);
    protobuf_c_message_free_unpacked(response, NULL);
}

static size_t list(const char *tenant, char *ret_first)
{
    Vivarium__V1__ListExecutionsRequest request = VIVARIUM__V1__LIST_EXECUTIONS_REQUEST__INIT;
    Vivarium__V1__ListExecutionsResponse *l;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];
    size_t count;

    assert_int_equal(rpc_unary(fixture_channel, FIXTURE_VIVARIUM "ListExecutions", &request.base,
                               &vivarium__v1__list_executions_response__descriptor,
                               (struct rpc_options){.tenant = tenant}, &response, text),
                     GRPC_STATUS_OK);
    l = (Vivarium__V1__ListExecutionsResponse *)response;
    count = l->n_executions;
    if (count > 0)
        strcpy(ret_first, l->executions[0]->execution_id);
    protobuf_c_message_free_unpacked(response, NULL);
    return count;
}

static void test_list(void **state)
{
    struct rpc_call *mine = fixture_start(FIXTURE_VIVARIUM "Execute", "first", "loop",
                                          (struct rpc_options){.tenant = "mine"});
    struct rpc_call *theirs =
        fixture_start(FIXTURE_VIVARIUM "Execute", "second", "loop", (struct rpc_options){0});
    char first[256] = "";

    fixture_expect_running(2);
    assert_int_equal(list("mine", first), 1);
    assert_string_equal(first, "first");
    assert_int_equal(list("nobody", first), 0);
    rpc_cancel(mine);
    rpc_end(mine, NULL);
    rpc_cancel(theirs);
    rpc_end(theirs, NULL);
    fixture_expect_running(0);
}

static int check(const char *service, int *ret_status)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];
    int rc;

    request.service = (char *)service;
    rc = rpc_unary(fixture_channel, HEALTH "Check", &request.base,
                   &grpc__health__v1__health_check_response__descriptor, (struct rpc_options){0},
                   &response, text);
    if (rc == GRPC_STATUS_OK) {
        *ret_status = (int)((Grpc__Health__V1__HealthCheckResponse *)response)->status;
        protobuf_c_message_free_unpacked(response, NULL);
    }
    return rc;
}

static void test_health_check(void **state)
{
    int status = -1;

    assert_int_equal(check("", &status), GRPC_STATUS_OK);
    assert_int_equal(status, STATUS(SERVING));
    assert_int_equal(check("vivarium.v1.Vivarium", &status), GRPC_STATUS_OK);
    assert_int_equal(check("other", &status), GRPC_STATUS_NOT_FOUND);
}

static struct rpc_call *watch(const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    request.service = (char *)service;
    return rpc_start(fixture_channel, HEALTH "Watch", &request.base, (struct rpc_options){0});
}

static int read_status(struct rpc_call *call)
{
    ProtobufCMessage *response =
        rpc_read_message(call, &grpc__health__v1__health_check_response__descriptor);
    int status;

    if (!response)
        return -1;
    status = (int)((Grpc__Health__V1__HealthCheckResponse *)response)->status;
    protobuf_c_message_free_unpacked(response, NULL);
    return status;
}

static void test_health_watch(void **state)
{
    struct rpc_call *known = watch("vivarium.v1.Vivarium"), *unknown = watch("other");

    assert_int_equal(read_status(known), STATUS(SERVING));
    assert_int_equal(read_status(unknown), STATUS(SERVICE_UNKNOWN));
    rpc_cancel(known);
    rpc_cancel(unknown);
    assert_int_equal(rpc_end(known, NULL), GRPC_STATUS_CANCELLED);
    assert_int_equal(rpc_end(unknown, NULL), GRPC_STATUS_CANCELLED);
}

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

#define ASK(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define ANSWER(name) \
    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name##_RESPONSE

static reflection_response *reflect(const char *version, int what, const char *text)
{
    reflection_request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    char method[100];
    struct rpc_call *call;
    reflection_response *response;

    request.host = "h";
    request.message_request_case = what;
    request.list_services = (char *)text;
    snprintf(method, sizeof(method), "/grpc.reflection.%s.ServerReflection/ServerReflectionInfo",
             version);
    call = rpc_start(fixture_channel, method, &request.base, (struct rpc_options){.open = true});
    response = (reflection_response *)rpc_read_message(
        call, &grpc__reflection__v1__server_reflection_response__descriptor);
    rpc_half_close(call);
    assert_int_equal(rpc_end(call, NULL), what ? GRPC_STATUS_OK : GRPC_STATUS_INVALID_ARGUMENT);
    return response;
}

static void free_reflection(reflection_response *response)
{
    grpc__reflection__v1__server_reflection_response__free_unpacked(response, NULL);
}

static void test_reflection(void **state)
{
    static const char *const versions[] = {"v1", "v1alpha"};

    for (int i = 0; i < 2; i++) {
        reflection_response *r = reflect(versions[i], ASK(LIST_SERVICES), "");

        assert_int_equal(r->message_response_case, ANSWER(LIST_SERVICES));
        assert_int_equal(r->list_services_response->n_service, 4);
        assert_string_equal(r->valid_host, "h");
        free_reflection(r);
        r = reflect(versions[i], ASK(FILE_CONTAINING_SYMBOL), "vivarium.v1.Vivarium.Execute");
        assert_int_equal(r->message_response_case, ANSWER(FILE_DESCRIPTOR));
        assert_int_equal(r->file_descriptor_response->n_file_descriptor_proto, 4);
        assert_string_equal(r->original_request->file_containing_symbol,
                            "vivarium.v1.Vivarium.Execute");
        free_reflection(r);
        r = reflect(versions[i], ASK(FILE_BY_FILENAME), "nothing.proto");
        assert_int_equal(r->message_response_case, ANSWER(ERROR));
        assert_int_equal(r->error_response->error_code, GRPC_STATUS_NOT_FOUND);
        free_reflection(r);
        r = reflect(versions[i], ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "vivarium.v1.Value");
        assert_int_equal(r->error_response->error_code, GRPC_STATUS_NOT_FOUND);
        free_reflection(r);
    }
    assert_null(reflect("v1", 0, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe),     cmocka_unit_test(test_list),
        cmocka_unit_test(test_health_check), cmocka_unit_test(test_health_watch),
        cmocka_unit_test(test_reflection),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
