#include "supervisor/service/stream.h"

#include "supervisor/service/account.h"
#include "supervisor/service/execute.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/server.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* As much as output comes in elsewhere. */
#define PIECE_BYTES ((size_t)64 << 10)

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
    call->execution.told[stream == VIV_STDERR] += len;
    return call_send(call, reply_pack(&event.base));
}

/* How much of it was read without being told, for its reader was behind. */
static size_t untold(const struct call *call, enum viv_stream stream, size_t len)
{
    size_t told = call->execution.told[stream == VIV_STDERR];

    return len > told ? len - told : 0;
}

static void send_rest(struct call *call, enum viv_stream stream, const uint8_t *data, size_t len)
{
    for (size_t rest, n; (rest = untold(call, stream, len)) > 0;) {
        n = rest < PIECE_BYTES ? rest : PIECE_BYTES;
        on_output(call, stream, data + len - rest, n);
    }
}

static void on_finished(void *arg, const struct viv_result *r)
{
    struct call *call = arg;
    size_t rest = untold(call, VIV_STDOUT, r->stdout_len) + untold(call, VIV_STDERR, r->stderr_len);

    account_ended(call, r);
    if (execute_hold(call, r)) {
        /* The response has all of it, too. */
        if (rest > 0 && execute_hold_more(call, rest)) {
            send_rest(call, VIV_STDOUT, r->stdout_data, r->stdout_len);
            send_rest(call, VIV_STDERR, r->stderr_data, r->stderr_len);
        }
        execute_reply(call, reply_finished(r));
    }
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
