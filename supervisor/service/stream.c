#include "supervisor/service/stream.h"

#include "supervisor/service/account.h"
#include "supervisor/service/execute.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/server.h"
#include "vivarium/v1/vivarium.pb-c.h"

static void on_started(void *arg, const char *execution_id)
{
    Vivarium__V1__Started started = VIVARIUM__V1__STARTED__INIT;
    Vivarium__V1__ExecuteEvent event = VIVARIUM__V1__EXECUTE_EVENT__INIT;
    struct call *call = arg;

    started.execution_id = (char *)execution_id;
    event.event_case = VIVARIUM__V1__EXECUTE_EVENT__EVENT_STARTED;
    event.started = &started;
    call_send(call, reply_pack(&event.base));
}

static bool on_output(void *arg, enum viv_stream stream, const void *data, size_t len)
{
    Vivarium__V1__Output output = VIVARIUM__V1__OUTPUT__INIT;
    Vivarium__V1__ExecuteEvent event = VIVARIUM__V1__EXECUTE_EVENT__INIT;
    struct call *call = arg;

    output.stream = (Vivarium__V1__Stream)stream;
    output.data.data = (uint8_t *)data;
    output.data.len = len;
    event.event_case = VIVARIUM__V1__EXECUTE_EVENT__EVENT_OUTPUT;
    event.output = &output;
    return call_send(call, reply_pack(&event.base));
}

static void on_finished(void *arg, const struct viv_result *result)
{
    struct call *call = arg;

    account_ended(call, result);
    if (execute_hold(call, result))
        execute_reply(call, reply_finished(result));
    execute_release(call);
}

void stream_begin(struct call *call)
{
    static const struct viv_callbacks callbacks = {
        .started = on_started,
        .output = on_output,
        .finished = on_finished,
        .rejected = execute_rejected,
    };

    execute_submit(call, &callbacks);
}

void stream_drained(struct call *call)
{
    viv_resume_output(server_supervisor(call->slot), call->execution.ticket);
}
