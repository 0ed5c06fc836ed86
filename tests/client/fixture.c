#include "tests/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vivarium/v1/vivarium.pb-c.h"

struct fixture fix;

int fixture_set_up(void **state)
{
    fix = (struct fixture){0};
    strcpy(fix.dir, "/tmp/viv-client-test-XXXXXX");
    if (!mkdtemp(fix.dir))
        return -1;
    snprintf(fix.target, sizeof(fix.target), "unix:%s/s", fix.dir);
    return 0;
}

int fixture_tear_down(void **state)
{
    unlink(strchr(fix.target, ':') + 1);
    return rmdir(fix.dir);
}

struct viv_client *fixture_open(const struct viv_client_options *options)
{
    struct viv_client *client = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_open(fix.target, options, &client, &err), 0);
    return client;
}

static void send_finished(struct fake_call *call, Vivarium__V1__ExecuteResponse *response)
{
    Vivarium__V1__ExecuteEvent event = VIVARIUM__V1__EXECUTE_EVENT__INIT;

    event.event_case = VIVARIUM__V1__EXECUTE_EVENT__EVENT_FINISHED;
    event.finished = response;
    fake_send(call, strcmp(call->method, "Execute") ? &event.base : &response->base);
}

void fixture_completed(struct fake_call *call)
{
    Vivarium__V1__ExecuteResponse response = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;

    atomic_fetch_add(&fix.calls, 1);
    if (call->tenant)
        snprintf(fix.tenant, sizeof(fix.tenant), "%s", call->tenant);
    response.execution_id = "one";
    response.outcome = VIVARIUM__V1__OUTCOME__OUTCOME_COMPLETED;
    response.stdout.data = (uint8_t *)"a\0b";
    response.stdout.len = 3;
    send_finished(call, &response);
    fake_finish(call, GRPC_STATUS_OK, "");
}

void fixture_never(struct fake_call *call)
{
    atomic_fetch_add(&fix.calls, 1);
    fake_wait_gone(call);
}

int fixture_execute(struct viv_client *client, const char *id,
                    struct viv_client_response **response, struct viv_error *err)
{
    struct viv_client_request request = {.execution_id = id, .code = "1"};

    return viv_client_execute(client, &request, response, err);
}

static bool hear(struct heard *heard, const char *kind, const void *data, size_t len)
{
    size_t used = strlen(heard->text);

    snprintf(heard->text + used, sizeof(heard->text) - used, "%s:%.*s;", kind, (int)len,
             (const char *)data);
    return ++heard->events != heard->stop_after;
}

static bool on_started(void *arg, const char *execution_id)
{
    return hear(arg, "started", execution_id, strlen(execution_id));
}

static bool on_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    return hear(arg, stream == VIV_CLIENT_STDOUT ? "out" : "err", data, len);
}

const struct viv_client_events fixture_events = {on_started, on_output};
