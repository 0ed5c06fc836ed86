#include "tests/service/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test.h"

struct daemon_process fixture_daemon;
grpc_channel *fixture_channel;
const char *const *fixture_flags;

int fixture_set_up(void **state)
{
    daemon_process_start(&fixture_daemon, fixture_flags);
    grpc_init();
    fixture_channel = rpc_open(fixture_daemon.target);
    return 0;
}

int fixture_tear_down(void **state)
{
    int status;

    grpc_channel_destroy(fixture_channel);
    status = daemon_process_stop(&fixture_daemon);
    grpc_shutdown();
    return status;
}

struct rpc_call *fixture_start(const char *method, const char *id, const char *code,
                               struct rpc_options options)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;

    request.execution_id = (char *)(id ? id : "");
    request.code = (char *)code;
    return rpc_start(fixture_channel, method, &request.base, options);
}

Vivarium__V1__ExecuteResponse *fixture_end(struct rpc_call *call, int *ret_status,
                                           char text[RPC_TEXT_MAX])
{
    Vivarium__V1__ExecuteResponse *response = (Vivarium__V1__ExecuteResponse *)rpc_read_message(
        call, &vivarium__v1__execute_response__descriptor);

    *ret_status = rpc_end(call, text);
    return response;
}

Vivarium__V1__ExecuteResponse *fixture_run(const char *code)
{
    char text[RPC_TEXT_MAX];
    int status;
    struct rpc_call *call =
        fixture_start(FIXTURE_VIVARIUM "Execute", NULL, code, (struct rpc_options){0});
    Vivarium__V1__ExecuteResponse *response = fixture_end(call, &status, text);

    if (status != GRPC_STATUS_OK)
        fail_msg("status %d: %s", status, text);
    assert_non_null(response);
    return response;
}

Vivarium__V1__ExecuteEvent *fixture_event(struct rpc_call *call)
{
    return (Vivarium__V1__ExecuteEvent *)rpc_read_message(call,
                                                          &vivarium__v1__execute_event__descriptor);
}

static unsigned count_running(void)
{
    Vivarium__V1__DescribeRequest request = VIVARIUM__V1__DESCRIBE_REQUEST__INIT;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];
    unsigned busy;

    assert_int_equal(rpc_unary(fixture_channel, FIXTURE_VIVARIUM "Describe", &request.base,
                               &vivarium__v1__describe_response__descriptor,
                               (struct rpc_options){0}, &response, text),
                     GRPC_STATUS_OK);
    busy = ((Vivarium__V1__DescribeResponse *)response)->pool->busy;
    protobuf_c_message_free_unpacked(response, NULL);
    return busy;
}

void fixture_expect_running(unsigned wanted)
{
    unsigned running = 0;

    for (int i = 0; i < 1000; i++) {
        running = count_running();
        if (running == wanted)
            return;
        fixture_sleep_ms(10);
    }
    assert_int_equal(running, wanted);
}

void fixture_expect_service(void)
{
    Vivarium__V1__ExecuteResponse *response = fixture_run("pass");

    assert_int_equal(response->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_COMPLETED);
    vivarium__v1__execute_response__free_unpacked(response, NULL);
}

int64_t fixture_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

void fixture_sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}
