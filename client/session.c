/* Sessions and their scopes. */
#include "client/arena.h"
#include "client/question.h"
#include "client/reply.h"
#include "client/request.h"
#include "client/scope.h"

static const struct viv_rpc_method OPEN = {"/vivarium.v1.Vivarium/OpenSession", false};
static const struct viv_rpc_method CLOSE = {"/vivarium.v1.Vivarium/CloseSession", false};
static const struct viv_rpc_method LIST = {"/vivarium.v1.Vivarium/ListSessions", false};
static const struct viv_rpc_method GET = {"/vivarium.v1.Vivarium/GetScope", false};
static const struct viv_rpc_method SET = {"/vivarium.v1.Vivarium/SetScope", false};

/* Answers that come when an execution has ended. */
static int64_t patient(const struct viv_client *client, int64_t timeout_ns)
{
    return timeout_ns ? timeout_ns : client->options.execute_timeout_ns;
}

/* ---- open and close ---- */

static int fill_open(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__OpenSessionResponse *m = (Vivarium__V1__OpenSessionResponse *)message;
    struct viv_client_session_reply *r = reply;

    r->session_id = m->session_id;
    return viv_reply_manifest(reply, m->restore_manifest, &r->restore_manifest, err);
}

int viv_client_session_open(struct viv_client *client, const struct viv_client_session_open *open,
                            struct viv_client_session_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__OpenSessionRequest request = VIVARIUM__V1__OPEN_SESSION_REQUEST__INIT;
    Vivarium__V1__ScopeSnapshot scope;
    Google__Protobuf__Duration idle;
    bool named = open->session_id && *open->session_id;
    struct viv_question q = {
        .client = client,
        .method = &OPEN,
        .kind = named ? VIV_RETRY_NAMED : VIV_RETRY_UNNAMED,
        .request = &request.base,
        .timeout_ns = patient(client, open->timeout_ns),
        .answer = &vivarium__v1__open_session_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_open,
    };

    if (open->scope && viv_scope_outgoing(open->scope, &scope, err))
        return -1;
    request.scope = open->scope ? &scope : NULL;
    if (named)
        request.session_id = (char *)open->session_id;
    if (open->worker_profile)
        request.worker_profile = (char *)open->worker_profile;
    request.idle_timeout = viv_request_duration(&idle, open->idle_timeout_ns);
    request.durability = (Vivarium__V1__Durability)open->durability;
    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

void viv_client_session_reply_free(struct viv_client_session_reply *reply)
{
    viv_arena_free(reply);
}

static int fill_nothing(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    return 0;
}

int viv_client_session_close(struct viv_client *client, const char *session_id, int64_t timeout_ns,
                             struct viv_error *err)
{
    Vivarium__V1__CloseSessionRequest request = VIVARIUM__V1__CLOSE_SESSION_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &CLOSE,
        .kind = VIV_RETRY_CANCEL,
        .request = &request.base,
        .timeout_ns = patient(client, timeout_ns),
        .answer = &vivarium__v1__close_session_response__descriptor,
        .reply_size = 1,
        .fill = fill_nothing,
    };

    request.session_id = (char *)session_id;
    if (viv_question_ask(&q, err))
        return -1;
    viv_arena_free(q.reply);
    return 0;
}

/* ---- list ---- */

static struct viv_client_session session_of(const Vivarium__V1__SessionInfo *m)
{
    return (struct viv_client_session){
        .session_id = m->session_id,
        .opened_ns = viv_reply_time_ns(m->opened),
        .last_used_ns = viv_reply_time_ns(m->last_used),
        .resident = m->resident,
        .snapshot_bytes = m->snapshot_bytes,
        .durability = (int)m->durability,
        .idle_timeout_ns = viv_reply_duration_ns(m->idle_timeout),
        .worker_profile = m->worker_profile,
        .execution_id = m->execution_id,
    };
}

static int fill_list(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__ListSessionsResponse *m = (Vivarium__V1__ListSessionsResponse *)message;
    struct viv_client_sessions_reply *r = reply;
    struct viv_client_session *list =
        viv_arena_alloc(reply, m->n_sessions, sizeof(struct viv_client_session));

    if (!list)
        return viv_question_no_memory(err);
    for (size_t i = 0; i < m->n_sessions; i++)
        list[i] = session_of(m->sessions[i]);
    r->sessions = list;
    r->count = m->n_sessions;
    return 0;
}

int viv_client_session_list(struct viv_client *client, int64_t timeout_ns,
                            struct viv_client_sessions_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__ListSessionsRequest request = VIVARIUM__V1__LIST_SESSIONS_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &LIST,
        .kind = VIV_RETRY_READ,
        .request = &request.base,
        .timeout_ns = timeout_ns,
        .answer = &vivarium__v1__list_sessions_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_list,
    };

    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

void viv_client_sessions_reply_free(struct viv_client_sessions_reply *reply)
{
    viv_arena_free(reply);
}

/* ---- scopes ---- */

static int fill_session(struct viv_client_scope_reply *r, const Vivarium__V1__SessionState *m,
                        struct viv_error *err)
{
    if (m && !(r->session = viv_reply_session(r, m)))
        return viv_question_no_memory(err);
    return 0;
}

static int fill_get(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__GetScopeResponse *m = (Vivarium__V1__GetScopeResponse *)message;
    struct viv_client_scope_reply *r = reply;

    if (!m->scope)
        return viv_fail(err, VIV_INTERNAL, "the answer lacks the scope");
    if (viv_reply_manifest(r, m->manifest, &r->manifest, err) ||
        viv_reply_manifest(r, m->restore_manifest, &r->restore_manifest, err) ||
        viv_reply_scope(r, m->scope, m->manifest, &r->scope, err))
        return -1;
    return fill_session(r, m->session, err);
}

int viv_client_scope_get(struct viv_client *client, const char *session_id, int64_t timeout_ns,
                         struct viv_client_scope_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__GetScopeRequest request = VIVARIUM__V1__GET_SCOPE_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &GET,
        .kind = VIV_RETRY_READ,
        .request = &request.base,
        .timeout_ns = patient(client, timeout_ns),
        .answer = &vivarium__v1__get_scope_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_get,
    };

    request.session_id = (char *)session_id;
    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

static int fill_set(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__SetScopeResponse *m = (Vivarium__V1__SetScopeResponse *)message;
    struct viv_client_scope_reply *r = reply;

    if (viv_reply_manifest(r, m->restore_manifest, &r->restore_manifest, err))
        return -1;
    return fill_session(r, m->session, err);
}

int viv_client_scope_set(struct viv_client *client, const char *session_id,
                         const struct viv_scope *scope, int64_t timeout_ns,
                         struct viv_client_scope_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__SetScopeRequest request = VIVARIUM__V1__SET_SCOPE_REQUEST__INIT;
    Vivarium__V1__ScopeSnapshot outgoing;
    struct viv_question q = {
        .client = client,
        .method = &SET,
        .kind = VIV_RETRY_NAMED,
        .request = &request.base,
        .timeout_ns = patient(client, timeout_ns),
        .answer = &vivarium__v1__set_scope_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_set,
    };

    if (viv_scope_outgoing(scope, &outgoing, err))
        return -1;
    request.session_id = (char *)session_id;
    request.scope = &outgoing;
    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

void viv_client_scope_reply_free(struct viv_client_scope_reply *reply)
{
    viv_arena_free(reply);
}
