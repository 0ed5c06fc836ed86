#include "supervisor/service/message.h"

#define NS_PER_SECOND INT64_C(1000000000)

Google__Protobuf__Duration message_duration(int64_t ns)
{
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;

    d.seconds = ns / NS_PER_SECOND;
    d.nanos = (int32_t)(ns % NS_PER_SECOND);
    return d;
}

static size_t list_layers(char *names[MESSAGE_LAYERS_MAX], uint64_t mask)
{
    size_t count = 0;

    for (unsigned i = 0; i < MESSAGE_LAYERS_MAX && viv_layer_name(i); i++)
        if (mask >> i & 1)
            names[count++] = (char *)viv_layer_name(i);
    return count;
}

void message_enforcement(struct message_enforcement *m, uint64_t layers, uint64_t absent,
                         enum viv_isolation isolation)
{
    vivarium__v1__enforcement__init(&m->root);
    m->root.n_layers = list_layers(m->layers, layers);
    m->root.layers = m->layers;
    m->root.n_absent = list_layers(m->absent, absent);
    m->root.absent = m->absent;
    m->root.isolation = isolation == VIV_ISOLATION_EXEC ? VIVARIUM__V1__ISOLATION__ISOLATION_EXEC
                                                        : VIVARIUM__V1__ISOLATION__ISOLATION_FORK;
}

void message_limits(struct message_limits *m, const struct viv_limits *limits)
{
    vivarium__v1__limits__init(&m->root);
    m->wall_time = message_duration(limits->wall_time_ns);
    m->cpu_time = message_duration(limits->cpu_time_ns);
    m->cancel_grace = message_duration(limits->cancel_grace_ns);
    m->cleanup_grace = message_duration(limits->cleanup_grace_ns);
    m->root.wall_time = &m->wall_time;
    m->root.cpu_time = &m->cpu_time;
    m->root.cancel_grace = &m->cancel_grace;
    m->root.cleanup_grace = &m->cleanup_grace;
    m->root.memory_bytes = limits->memory_bytes;
    m->root.memory_soft_bytes = limits->memory_soft_bytes;
    m->root.pids = limits->pids;
    m->root.output_bytes = limits->output_bytes;
    m->root.steps = limits->steps;
}

Vivarium__V1__Cancellation message_cancellation(const struct viv_receipt *receipt)
{
    Vivarium__V1__Cancellation c = VIVARIUM__V1__CANCELLATION__INIT;

    c.cause = (Vivarium__V1__Cause)receipt->cause;
    c.delivery = (Vivarium__V1__Delivery)receipt->delivery;
    c.reason = (char *)receipt->reason;
    c.requested_ns = receipt->requested_ns;
    c.flag_set_ns = receipt->flag_set_ns;
    c.hook_reached_ns = receipt->hook_reached_ns;
    c.raised_ns = receipt->raised_ns;
    c.unwound_ns = receipt->unwound_ns;
    c.killed_ns = receipt->killed_ns;
    c.cleanup_deferred_ns = receipt->cleanup_deferred_ns;
    c.raise_count = receipt->raise_count;
    c.processes_killed = receipt->processes_killed;
    return c;
}

static void set_usage(struct message_response *m, const struct viv_usage *usage)
{
    vivarium__v1__usage__init(&m->usage);
    m->wall_time = message_duration(usage->wall_ns);
    m->user_cpu = message_duration(usage->user_cpu_ns);
    m->system_cpu = message_duration(usage->system_cpu_ns);
    m->queue_time = message_duration(usage->queue_ns);
    m->usage.wall_time = &m->wall_time;
    m->usage.user_cpu = &m->user_cpu;
    m->usage.system_cpu = &m->system_cpu;
    m->usage.queue_time = &m->queue_time;
    m->usage.peak_memory_bytes = usage->peak_memory_bytes;
    m->usage.steps = usage->steps;
    m->usage.stdout_bytes = usage->stdout_bytes;
    m->usage.stderr_bytes = usage->stderr_bytes;
    m->root.usage = &m->usage;
}

static void set_death(struct message_response *m, const struct viv_death *death)
{
    vivarium__v1__death__init(&m->death);
    if (death->signal > 0) {
        m->death.status_case = VIVARIUM__V1__DEATH__STATUS_SIGNAL;
        m->death.signal = (uint32_t)death->signal;
    } else if (death->exit_status >= 0) {
        m->death.status_case = VIVARIUM__V1__DEATH__STATUS_EXIT_STATUS;
        m->death.exit_status = (uint32_t)death->exit_status;
    }
    m->death.description = (char *)death->text;
    m->root.death = &m->death;
}

static void set_output(struct message_response *m, const struct viv_result *result)
{
    m->root.stdout.data = (uint8_t *)result->stdout_data;
    m->root.stdout.len = result->stdout_len;
    m->root.stderr.data = (uint8_t *)result->stderr_data;
    m->root.stderr.len = result->stderr_len;
    m->root.stdout_truncated = result->stdout_truncated;
    m->root.stderr_truncated = result->stderr_truncated;
}

void message_session(struct message_session *m, const struct viv_session_state *state)
{
    vivarium__v1__session_state__init(&m->root);
    m->root.session_id = (char *)state->session_id;
    m->root.restored = state->restored_from != VIV_RESTORED_FROM_NONE;
    m->root.restored_from = (Vivarium__V1__RestoredFrom)state->restored_from;
    if (m->root.restored && state->snapshot_age_ns >= 0) {
        m->age = message_duration(state->snapshot_age_ns);
        m->root.snapshot_age = &m->age;
    }
    m->root.saved = state->saved;
    if (state->save_error)
        m->root.save_error = (char *)state->save_error;
}

void message_response(struct message_response *m, const struct viv_result *result)
{
    vivarium__v1__execute_response__init(&m->root);
    m->root.execution_id = (char *)result->execution_id;
    m->root.outcome = (Vivarium__V1__Outcome)result->outcome;
    set_output(m, result);
    set_usage(m, &result->usage);
    message_enforcement(&m->enforcement, result->layers, result->absent, result->isolation);
    m->root.enforcement = &m->enforcement.root;
    if (result->receipt) {
        m->cancellation = message_cancellation(result->receipt);
        m->root.cancellation = &m->cancellation;
    }
    if (result->session) {
        message_session(&m->session, result->session);
        m->root.session = &m->session.root;
    }
    if (result->outcome == VIV_OUTCOME_WORKER_DIED)
        set_death(m, &result->death);
    if (result->exit_status >= 0) {
        m->root.exit_case = VIVARIUM__V1__EXECUTE_RESPONSE__EXIT_EXIT_STATUS;
        m->root.exit_status = (uint32_t)result->exit_status;
    }
}

static Google__Protobuf__Timestamp message_timestamp(int64_t realtime_ns)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    t.seconds = realtime_ns / NS_PER_SECOND;
    t.nanos = (int32_t)(realtime_ns % NS_PER_SECOND);
    return t;
}

void message_session_info(struct message_session_info *m, const struct viv_session_info *info)
{
    vivarium__v1__session_info__init(&m->root);
    m->opened = message_timestamp(info->opened_realtime_ns);
    m->last_used = message_timestamp(info->last_used_realtime_ns);
    m->idle_timeout = message_duration(info->idle_timeout_ns);
    m->root.session_id = (char *)info->session_id;
    m->root.opened = &m->opened;
    m->root.last_used = &m->last_used;
    m->root.resident = info->resident;
    m->root.snapshot_bytes = info->snapshot_bytes;
    m->root.durability = (Vivarium__V1__Durability)info->durability;
    if (info->idle_timeout_ns > 0)
        m->root.idle_timeout = &m->idle_timeout;
    m->root.execution_id = (char *)info->execution_id;
    m->root.worker_profile = (char *)info->profile;
}

void message_info(struct message_info *m, const struct viv_execution_info *info)
{
    vivarium__v1__execution_info__init(&m->root);
    m->submitted = message_timestamp(info->submitted_realtime_ns);
    m->running_time = message_duration(info->running_ns);
    m->root.execution_id = (char *)info->execution_id;
    m->root.filename = (char *)info->filename;
    m->root.session_id = (char *)info->session_id;
    m->root.state = (Vivarium__V1__ExecutionState)info->state;
    m->root.submitted = &m->submitted;
    m->root.running_time = &m->running_time;
    m->root.memory_bytes = info->memory_bytes;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void set_quotas(struct message_description *m, const struct viv_description *d)
{
    const struct viv_tenant_config *q = &d->quotas;

    vivarium__v1__quotas__init(&m->quotas);
    m->quotas.running = least(q->running, d->workers_max);
    m->quotas.queued = least(q->queued, d->queue_max);
    m->quotas.weight = q->weight;
    m->quotas.rate = q->rate;
    m->quotas.burst = q->rate > 0 ? q->burst : 0;
    m->quotas.memory_bytes = q->memory_bytes;
    m->quotas.request_bytes = q->request_bytes;
    m->quotas.sessions = q->sessions;
    m->quotas.resident_sessions = q->resident_sessions;
    m->quotas.stored_bytes = q->stored_bytes;
    m->root.quotas = &m->quotas;
}

/* What others run and have waiting is no tenant's to know. */
static void set_pool(struct message_description *m, const struct viv_description *d, bool whole)
{
    vivarium__v1__pool_state__init(&m->pool);
    m->pool.idle = whole ? d->idle : 0;
    m->pool.busy = whole ? d->busy : d->own_running;
    m->pool.queued = whole ? d->queued : d->own_queued;
    m->pool.ceiling = d->workers_max;
    m->root.pool = &m->pool;
}

static void set_profile(struct message_profile *m, const struct viv_profile_info *p)
{
    vivarium__v1__worker_profile__init(&m->root);
    message_enforcement(&m->enforcement, p->layers, p->absent, p->isolation);
    m->root.enforcement = &m->enforcement.root;
    m->root.name = (char *)p->name;
    m->root.network = p->network;
    m->root.preload = (char **)p->preload;
    while (p->preload && p->preload[m->root.n_preload])
        m->root.n_preload++;
}

static void set_profiles(struct message_description *m, const struct viv_description *d)
{
    for (size_t i = 0; i < d->profile_count && i < VIV_PROFILES_MAX; i++) {
        set_profile(&m->profiles[i], &d->profiles[i]);
        m->profile_list[m->root.n_worker_profiles++] = &m->profiles[i].root;
    }
    m->root.worker_profiles = m->profile_list;
}

void message_description(struct message_description *m, const struct viv_description *d,
                         uint64_t message_bytes, bool whole_pool)
{
    vivarium__v1__describe_response__init(&m->root);
    message_enforcement(&m->enforcement, d->layers, d->absent, d->isolation);
    message_limits(&m->defaults, &d->defaults);
    message_limits(&m->ceilings, &d->quotas.ceilings);
    set_quotas(m, d);
    m->quotas.message_bytes = message_bytes;
    set_profiles(m, d);
    set_pool(m, d, whole_pool);
    m->root.version = (char *)VIV_VERSION;
    m->root.vm = (char *)d->vm;
    m->root.tenant = (char *)d->quotas.tenant;
    m->root.enforcement = &m->enforcement.root;
    m->root.defaults = &m->defaults.root;
    m->root.ceilings = &m->ceilings.root;
}
