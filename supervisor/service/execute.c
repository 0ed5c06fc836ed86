#include "supervisor/service/execute.h"

#include "supervisor/service/account.h"
#include "supervisor/service/answers.h"
#include "supervisor/service/convert.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

#define SCOPE_FIELD 4 /* of ExecuteRequest */

void execute_release(struct call *call)
{
    call_unref(call);
}

void execute_rejected(void *arg, const struct viv_error *error)
{
    struct call *call = arg;

    account_rejected(call, error);
    call_fail(call, error);
    execute_release(call);
}

void execute_reply(struct call *call, grpc_byte_buffer *message)
{
    size_t len = grpc_byte_buffer_length(message), max = server_max_message(call->slot);
    struct viv_error err;

    if (len <= max) {
        call_reply(call, message);
        return;
    }
    grpc_byte_buffer_destroy(message);
    viv_fail(&err, VIV_RESOURCE_EXHAUSTED,
             "the code ran, but its response of %zu bytes is above the limit of %zu: let it "
             "print and return less, or lower limits.output_bytes",
             len, max);
    call_fail(call, &err);
}

static bool hold(struct call *call, size_t bytes, struct viv_error *err)
{
    bool fits = answers_hold(server_answers(call->slot), call->identity.tenant, bytes, err) == 0;

    call->held_bytes = fits ? bytes : 0;
    call->held = true;
    return fits;
}

bool execute_hold(struct call *call, const struct viv_result *result)
{
    struct viv_error err;
    bool fits = hold(call, result->body_len + result->stdout_len + result->stderr_len, &err);

    if (!fits)
        call_fail(call, &err);
    return fits;
}

bool execute_hold_more(struct call *call, size_t bytes)
{
    size_t before = call->held_bytes;
    bool fits = hold(call, bytes, NULL);

    answers_drop(server_answers(call->slot), call->identity.tenant, 0); /* it is one answer */
    call->held_bytes += before;
    return fits;
}

static void on_finished(void *arg, const struct viv_result *result)
{
    struct call *call = arg;

    account_ended(call, result);
    if (execute_hold(call, result))
        execute_reply(call, reply_response(result));
    execute_release(call);
}

static int submit(struct call *call, const Vivarium__V1__ExecuteRequest *message,
                  const struct request_raw *scope, const struct viv_callbacks *callbacks,
                  struct viv_error *err)
{
    int64_t deadline_ns = request_deadline_ns(call);
    char tenant[VIV_ID_MAX + 1];
    struct viv_request request;
    int rc;

    if (request_tenant(call, tenant, err) < 0 || convert_execute(message, &request, err) < 0)
        return -1;
    request.tenant = tenant;
    call->execution.detach = request.outlives_reader = message->detach;
    if (deadline_ns > 0 && !message->detach)
        request.deadline_ns = convert_deadline(deadline_ns, request_now_ns());
    request.scope = scope->data;
    request.scope_len = scope->len;
    if (account_begin(call, &request, err) < 0)
        return -1;
    call_ref(call);
    rc = viv_submit(server_supervisor(call->slot), &request, callbacks, call,
                    &call->execution.ticket, err);
    if (rc < 0) {
        account_rejected(call, err);
        call_unref(call);
    }
    return rc;
}

void execute_submit(struct call *call, const struct viv_callbacks *callbacks)
{
    ProtobufCMessage *message;
    struct request_raw scope;
    struct viv_error err;

    if (request_unpack_beside(call, &vivarium__v1__execute_request__descriptor, SCOPE_FIELD,
                              &vivarium__v1__scope_snapshot__descriptor, &message, &scope,
                              &err) < 0) {
        call_fail(call, &err);
        return;
    }
    if (submit(call, (Vivarium__V1__ExecuteRequest *)message, &scope, callbacks, &err) < 0)
        call_fail(call, &err);
    protobuf_c_message_free_unpacked(message, NULL);
    request_raw_free(&scope);
}

void execute_begin(struct call *call)
{
    static const struct viv_callbacks callbacks = {
        .finished = on_finished,
        .rejected = execute_rejected,
    };

    execute_submit(call, &callbacks);
}

void execute_closed(struct call *call, bool cancelled)
{
    int64_t deadline_ns = request_deadline_ns(call);
    bool late = deadline_ns > 0 && request_now_ns() >= deadline_ns;

    if (cancelled && call->execution.ticket != 0 && !call->execution.detach)
        viv_cancel_ticket(server_supervisor(call->slot), call->execution.ticket,
                          late ? VIV_CAUSE_DEADLINE : VIV_CAUSE_CALL_CANCELLED, NULL);
}
