#include "supervisor/service/session.h"

#include <grpc/support/alloc.h>

#include "proto/wire_check.h"
#include "supervisor/service/account.h"
#include "supervisor/service/convert.h"
#include "supervisor/service/execute.h"
#include "supervisor/service/message.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

/* Fields of ExecuteResponse and of its Error. */
enum { ERROR = 9, SCOPE = 10, MANIFEST = 11, RESTORE_MANIFEST = 12, ERROR_MESSAGE = 2 };

/* Of OpenSessionRequest and SetScopeRequest. */
enum { SCOPE_OF_REQUEST = 2 };

/* --- how what a worker did for a session has gone ------------------------------------ */

static bool find_field(const uint8_t *data, size_t len, uint32_t wanted,
                       struct viv_wire_field *ret_field)
{
    const uint8_t *at = data;

    while (viv_wire_next(&at, data + len, ret_field))
        if (ret_field->number == wanted && ret_field->delimited)
            return true;
    return false;
}

static void fail_raised(struct call *call, const struct viv_result *result)
{
    struct viv_wire_field error, text;
    struct viv_error err;

    if (find_field(result->body, result->body_len, ERROR, &error) &&
        find_field(error.data, error.len, ERROR_MESSAGE, &text))
        viv_fail(&err, VIV_INVALID_ARGUMENT, "%.*s", text.len < 400 ? (int)text.len : 400,
                 (const char *)text.data);
    else
        viv_fail(&err, VIV_INVALID_ARGUMENT, "the scope can't be restored");
    call_fail(call, &err);
}

static void fail_outcome(struct call *call, const struct viv_result *result)
{
    struct viv_error err;

    switch (result->outcome) {
    case VIV_OUTCOME_RAISED:
        fail_raised(call, result);
        return;
    case VIV_OUTCOME_CANCELLED:
        viv_fail(&err, VIV_CANCELLED, "cancelled: %s",
                 result->receipt ? result->receipt->reason : "");
        break;
    case VIV_OUTCOME_WALL_TIME_EXCEEDED:
    case VIV_OUTCOME_CPU_TIME_EXCEEDED:
        viv_fail(&err, VIV_DEADLINE_EXCEEDED,
                 "carrying the scope took longer than an execution may: %s",
                 viv_outcome_name(result->outcome));
        break;
    case VIV_OUTCOME_WORKER_DIED:
        viv_fail(&err, VIV_INTERNAL, "the worker that carried the scope was lost: %s",
                 result->death.text);
        break;
    default:
        viv_fail(&err, VIV_RESOURCE_EXHAUSTED, "carrying the scope went past a limit: %s",
                 viv_outcome_name(result->outcome));
        break;
    }
    call_fail(call, &err);
}

static void answer(struct call *call, const struct viv_result *result,
                   const struct reply_field *fields, const ProtobufCMessage *rest)
{
    account_ended(call, result);
    if (result->outcome == VIV_OUTCOME_COMPLETED && !execute_hold(call, result))
        ; /* the client is told */
    else if (result->outcome == VIV_OUTCOME_COMPLETED)
        execute_reply(call, reply_fields(result, fields, rest));
    else
        fail_outcome(call, result);
    execute_release(call);
}

static void on_opened(void *arg, const struct viv_result *result)
{
    static const struct reply_field fields[] = {{RESTORE_MANIFEST, 2}, {0, 0}};
    Vivarium__V1__OpenSessionResponse rest = VIVARIUM__V1__OPEN_SESSION_RESPONSE__INIT;

    rest.session_id = (char *)result->session->session_id;
    answer(arg, result, fields, &rest.base);
}

static void on_scope(void *arg, const struct viv_result *result)
{
    static const struct reply_field fields[] = {
        {SCOPE, 1}, {MANIFEST, 2}, {RESTORE_MANIFEST, 3}, {0, 0}};
    Vivarium__V1__GetScopeResponse rest = VIVARIUM__V1__GET_SCOPE_RESPONSE__INIT;
    struct message_session session;

    message_session(&session, result->session);
    rest.session = &session.root;
    answer(arg, result, fields, &rest.base);
}

static void on_set(void *arg, const struct viv_result *result)
{
    static const struct reply_field fields[] = {{RESTORE_MANIFEST, 1}, {0, 0}};
    Vivarium__V1__SetScopeResponse rest = VIVARIUM__V1__SET_SCOPE_RESPONSE__INIT;
    struct message_session session;

    message_session(&session, result->session);
    rest.session = &session.root;
    answer(arg, result, fields, &rest.base);
}

/* --- asking -------------------------------------------------------------------------- */

static void submit(struct call *call, const struct viv_request *asked,
                   const struct request_raw *scope,
                   void (*finished)(void *arg, const struct viv_result *result))
{
    const struct viv_callbacks callbacks = {.finished = finished, .rejected = execute_rejected};
    int64_t deadline_ns = request_deadline_ns(call);
    char tenant[VIV_ID_MAX + 1];
    struct viv_request request = *asked;
    struct viv_error err;

    request.tenant = tenant;
    request.code = "";
    if (scope) {
        request.scope = scope->data;
        request.scope_len = scope->len;
    }
    if (deadline_ns > 0)
        request.deadline_ns = convert_deadline(deadline_ns, request_now_ns());
    if (request_tenant(call, tenant, &err) < 0 || account_begin(call, &request, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call_ref(call);
    if (viv_submit(server_supervisor(call->slot), &request, &callbacks, call,
                   &call->execution.ticket, &err) == 0)
        return;
    account_rejected(call, &err);
    call_fail(call, &err);
    call_unref(call);
}

static ProtobufCMessage *unpack(struct call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message;
    struct viv_error err;

    if (request_unpack(call, descriptor, &message, &err) == 0)
        return message;
    call_fail(call, &err);
    return NULL;
}

/* Both requests that bring a scope have it as field 2. */
static ProtobufCMessage *unpack_beside_scope(struct call *call,
                                             const ProtobufCMessageDescriptor *descriptor,
                                             struct request_raw *ret_scope)
{
    ProtobufCMessage *message;
    struct viv_error err;

    if (request_unpack_beside(call, descriptor, SCOPE_OF_REQUEST,
                              &vivarium__v1__scope_snapshot__descriptor, &message, ret_scope,
                              &err) == 0)
        return message;
    call_fail(call, &err);
    return NULL;
}

void session_open(struct call *call)
{
    struct request_raw scope;
    Vivarium__V1__OpenSessionRequest *m = (Vivarium__V1__OpenSessionRequest *)unpack_beside_scope(
        call, &vivarium__v1__open_session_request__descriptor, &scope);
    struct viv_request request = {.kind = VIV_REQUEST_OPEN_SESSION};
    struct viv_error err;

    if (!m)
        return;
    request.session_id = m->session_id;
    request.durability = (enum viv_durability)m->durability;
    request.worker_profile = m->worker_profile;
    if (convert_duration(m->idle_timeout, "idle_timeout", &request.idle_timeout_ns, &err) < 0)
        call_fail(call, &err);
    else
        submit(call, &request, &scope, on_opened);
    protobuf_c_message_free_unpacked(&m->base, NULL);
    request_raw_free(&scope);
}

void session_get_scope(struct call *call)
{
    Vivarium__V1__GetScopeRequest *m =
        (Vivarium__V1__GetScopeRequest *)unpack(call, &vivarium__v1__get_scope_request__descriptor);
    struct viv_request request = {.kind = VIV_REQUEST_GET_SCOPE};

    if (!m)
        return;
    request.session_id = m->session_id;
    submit(call, &request, NULL, on_scope);
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

void session_set_scope(struct call *call)
{
    struct request_raw scope;
    Vivarium__V1__SetScopeRequest *m = (Vivarium__V1__SetScopeRequest *)unpack_beside_scope(
        call, &vivarium__v1__set_scope_request__descriptor, &scope);
    struct viv_request request = {.kind = VIV_REQUEST_SET_SCOPE};
    struct viv_error err;

    if (!m)
        return;
    request.session_id = m->session_id;
    if (scope.data) {
        submit(call, &request, &scope, on_set);
    } else {
        viv_fail(&err, VIV_INVALID_ARGUMENT,
                 "scope: is unset: one without names empties a session");
        call_fail(call, &err);
    }
    protobuf_c_message_free_unpacked(&m->base, NULL);
    request_raw_free(&scope);
}

static void on_closed(void *arg, const struct viv_error *error)
{
    Vivarium__V1__CloseSessionResponse response = VIVARIUM__V1__CLOSE_SESSION_RESPONSE__INIT;
    struct call *call = arg;

    if (error)
        call_fail(call, error);
    else
        call_reply(call, reply_pack(&response.base));
    call_unref(call);
}

void session_close(struct call *call)
{
    Vivarium__V1__CloseSessionRequest *m = (Vivarium__V1__CloseSessionRequest *)unpack(
        call, &vivarium__v1__close_session_request__descriptor);
    char tenant[VIV_ID_MAX + 1];
    struct viv_error err;

    if (!m)
        return;
    call_ref(call);
    if (request_tenant(call, tenant, &err) < 0 ||
        viv_session_close(server_supervisor(call->slot), tenant, m->session_id, on_closed, call,
                          &err) < 0) {
        call_fail(call, &err);
        call_unref(call);
    }
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

static void on_list(void *arg, const struct viv_session_info *sessions, size_t count,
                    const struct viv_error *error)
{
    Vivarium__V1__ListSessionsResponse response = VIVARIUM__V1__LIST_SESSIONS_RESPONSE__INIT;
    struct message_session_info *infos = gpr_malloc((count + 1) * sizeof(*infos));
    Vivarium__V1__SessionInfo **list = gpr_malloc((count + 1) * sizeof(*list));
    struct call *call = arg;

    for (size_t i = 0; i < count; i++) {
        message_session_info(&infos[i], &sessions[i]);
        list[i] = &infos[i].root;
    }
    response.sessions = list;
    response.n_sessions = count;
    if (error)
        call_fail(call, error);
    else
        call_reply(call, reply_pack(&response.base));
    gpr_free(list);
    gpr_free(infos);
    call_unref(call);
}

void session_list(struct call *call)
{
    ProtobufCMessage *m = unpack(call, &vivarium__v1__list_sessions_request__descriptor);
    char tenant[VIV_ID_MAX + 1];
    struct viv_error err;

    if (!m)
        return;
    protobuf_c_message_free_unpacked(m, NULL);
    call_ref(call);
    if (request_tenant(call, tenant, &err) < 0 ||
        viv_session_list(server_supervisor(call->slot), tenant, on_list, call, &err) < 0) {
        call_fail(call, &err);
        call_unref(call);
    }
}
