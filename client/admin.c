/* Cancel, ListExecutions, Describe and the health check: one question, one
 * answer, the caller waits. */
#include "client/arena.h"
#include "client/question.h"
#include "client/reply.h"
#include "grpc/health/v1/health.pb-c.h"

static const struct viv_rpc_method CANCEL = {"/vivarium.v1.Vivarium/Cancel", false};
static const struct viv_rpc_method LIST = {"/vivarium.v1.Vivarium/ListExecutions", false};
static const struct viv_rpc_method DESCRIBE = {"/vivarium.v1.Vivarium/Describe", false};
static const struct viv_rpc_method HEALTH = {"/grpc.health.v1.Health/Check", false};

/* ---- cancel ---- */

static int fill_cancel(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__CancelResponse *m = (const Vivarium__V1__CancelResponse *)message;
    struct viv_client_cancel_reply *r = reply;

    r->state = (int)m->state;
    if (m->cancellation && !(r->receipt = viv_reply_receipt(reply, m->cancellation)))
        return viv_question_no_memory(err);
    return 0;
}

int viv_client_cancel(struct viv_client *client, const struct viv_client_cancel *cancel,
                      struct viv_client_cancel_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__CancelRequest request = VIVARIUM__V1__CANCEL_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &CANCEL,
        .kind = VIV_RETRY_CANCEL,
        .request = &request.base,
        .timeout_ns = cancel->timeout_ns,
        .answer = &vivarium__v1__cancel_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_cancel,
    };

    if (cancel->execution_id)
        request.execution_id = (char *)cancel->execution_id;
    if (cancel->reason)
        request.reason = (char *)cancel->reason;
    request.force = cancel->force;
    request.wait = cancel->wait;
    if (cancel->wait && !q.timeout_ns)
        q.timeout_ns = client->options.execute_timeout_ns;
    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

void viv_client_cancel_reply_free(struct viv_client_cancel_reply *reply)
{
    viv_arena_free(reply);
}

/* ---- list ---- */

static struct viv_client_execution execution_of(const Vivarium__V1__ExecutionInfo *m)
{
    return (struct viv_client_execution){
        .execution_id = m->execution_id,
        .state = (int)m->state,
        .submitted_ns = viv_reply_time_ns(m->submitted),
        .running_ns = viv_reply_duration_ns(m->running_time),
        .session_id = m->session_id,
        .filename = m->filename,
        .memory_bytes = m->memory_bytes,
    };
}

static int fill_list(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__ListExecutionsResponse *m =
        (const Vivarium__V1__ListExecutionsResponse *)message;
    struct viv_client_list_reply *r = reply;
    struct viv_client_execution *list =
        viv_arena_alloc(reply, m->n_executions, sizeof(struct viv_client_execution));

    if (!list)
        return viv_question_no_memory(err);
    for (size_t i = 0; i < m->n_executions; i++)
        list[i] = execution_of(m->executions[i]);
    r->executions = list;
    r->count = m->n_executions;
    return 0;
}

int viv_client_list(struct viv_client *client, int64_t timeout_ns,
                    struct viv_client_list_reply **ret_reply, struct viv_error *err)
{
    Vivarium__V1__ListExecutionsRequest request = VIVARIUM__V1__LIST_EXECUTIONS_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &LIST,
        .kind = VIV_RETRY_READ,
        .request = &request.base,
        .timeout_ns = timeout_ns,
        .answer = &vivarium__v1__list_executions_response__descriptor,
        .reply_size = sizeof(**ret_reply),
        .fill = fill_list,
    };

    if (viv_question_ask(&q, err))
        return -1;
    *ret_reply = q.reply;
    return 0;
}

void viv_client_list_reply_free(struct viv_client_list_reply *reply)
{
    viv_arena_free(reply);
}

/* ---- describe ---- */

static struct viv_client_limits limits_of(const Vivarium__V1__Limits *m)
{
    if (!m)
        return (struct viv_client_limits){0};
    return (struct viv_client_limits){
        .wall_time_ns = viv_reply_duration_ns(m->wall_time),
        .cpu_time_ns = viv_reply_duration_ns(m->cpu_time),
        .cancel_grace_ns = viv_reply_duration_ns(m->cancel_grace),
        .cleanup_grace_ns = viv_reply_duration_ns(m->cleanup_grace),
        .memory_bytes = m->memory_bytes,
        .memory_soft_bytes = m->memory_soft_bytes,
        .output_bytes = m->output_bytes,
        .steps = m->steps,
        .pids = m->pids,
    };
}

static int fill_profiles(struct viv_client_description *d, const Vivarium__V1__DescribeResponse *m,
                         struct viv_error *err)
{
    const char **names = viv_arena_alloc(d, m->n_worker_profiles, sizeof(*names));

    if (!names)
        return viv_question_no_memory(err);
    for (size_t i = 0; i < m->n_worker_profiles; i++)
        names[i] = m->worker_profiles[i]->name;
    d->worker_profiles = names;
    d->worker_profile_count = m->n_worker_profiles;
    return 0;
}

static void fill_quotas(struct viv_client_description *d, const Vivarium__V1__Quotas *q)
{
    d->quota_running = q->running;
    d->quota_queued = q->queued;
    d->quota_message_bytes = q->message_bytes;
    d->quota_weight = q->weight;
    d->quota_rate = q->rate;
    d->quota_burst = q->burst;
    d->quota_memory_bytes = q->memory_bytes;
    d->quota_request_bytes = q->request_bytes;
    d->quota_sessions = q->sessions;
    d->quota_resident_sessions = q->resident_sessions;
    d->quota_stored_bytes = q->stored_bytes;
}

static int fill_description(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Vivarium__V1__DescribeResponse *m = (const Vivarium__V1__DescribeResponse *)message;
    struct viv_client_description *d = reply;

    d->version = m->version;
    d->vm = m->vm;
    d->tenant = m->tenant;
    d->enforcement = viv_reply_enforcement(m->enforcement);
    d->isolation = viv_reply_isolation(m->enforcement);
    d->defaults = limits_of(m->defaults);
    d->ceilings = limits_of(m->ceilings);
    if (m->quotas)
        fill_quotas(d, m->quotas);
    if (m->pool) {
        d->pool_idle = m->pool->idle;
        d->pool_busy = m->pool->busy;
        d->pool_queued = m->pool->queued;
        d->pool_ceiling = m->pool->ceiling;
    }
    return fill_profiles(d, m, err);
}

int viv_client_describe(struct viv_client *client, int64_t timeout_ns,
                        struct viv_client_description **ret_description, struct viv_error *err)
{
    Vivarium__V1__DescribeRequest request = VIVARIUM__V1__DESCRIBE_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &DESCRIBE,
        .kind = VIV_RETRY_READ,
        .request = &request.base,
        .timeout_ns = timeout_ns,
        .answer = &vivarium__v1__describe_response__descriptor,
        .reply_size = sizeof(**ret_description),
        .fill = fill_description,
    };

    if (viv_question_ask(&q, err))
        return -1;
    *ret_description = q.reply;
    return 0;
}

void viv_client_description_free(struct viv_client_description *description)
{
    viv_arena_free(description);
}

/* ---- health ---- */

static int fill_health(void *reply, ProtobufCMessage *message, struct viv_error *err)
{
    const Grpc__Health__V1__HealthCheckResponse *m =
        (const Grpc__Health__V1__HealthCheckResponse *)message;

    *(bool *)reply = m->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return 0;
}

int viv_client_health(struct viv_client *client, const char *service, int64_t timeout_ns,
                      bool *ret_serving, struct viv_error *err)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    struct viv_question q = {
        .client = client,
        .method = &HEALTH,
        .kind = VIV_RETRY_READ,
        .request = &request.base,
        .timeout_ns = timeout_ns,
        .answer = &grpc__health__v1__health_check_response__descriptor,
        .reply_size = sizeof(bool),
        .fill = fill_health,
    };

    if (service)
        request.service = (char *)service;
    if (viv_question_ask(&q, err))
        return -1;
    *ret_serving = *(bool *)q.reply;
    viv_arena_free(q.reply);
    return 0;
}
