#include "client/viv/json.h"

/* jansson's integers have a sign; no figure here comes near the limit but a
 * hostile one. */
static json_t *number(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *texts(const char *const *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

json_t *viv_json_receipt(const struct viv_client_receipt *r)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "cause",
                     viv_client_cause_name(r->cause), "reason", r->reason, "delivery",
                     viv_client_delivery_name(r->delivery), "requested_ns",
                     (json_int_t)r->requested_ns, "flag_set_ns", (json_int_t)r->flag_set_ns,
                     "hook_reached_ns", (json_int_t)r->hook_reached_ns, "raised_ns",
                     (json_int_t)r->raised_ns, "unwound_ns", (json_int_t)r->unwound_ns, "killed_ns",
                     (json_int_t)r->killed_ns, "cleanup_deferred_ns",
                     (json_int_t)r->cleanup_deferred_ns, "raise_count", number(r->raise_count),
                     "processes_killed", number(r->processes_killed));
}

static json_t *frames(const struct viv_client_exception *e)
{
    json_t *array = json_array();

    for (size_t i = 0; i < e->frame_count; i++) {
        const struct viv_client_frame *f = &e->frames[i];

        json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:s}", "filename", f->filename,
                                               "line", number(f->line), "function", f->function,
                                               "source", f->source));
    }
    return array;
}

static json_t *exception(const struct viv_client_exception *e)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "type", e->type, "message", e->message,
                               "traceback", e->traceback, "frames", frames(e));

    if (e->syntax)
        json_object_set_new(object, "syntax",
                            json_pack("{s:s, s:o, s:o, s:s}", "filename", e->syntax->filename,
                                      "line", number(e->syntax->line), "offset",
                                      number(e->syntax->offset), "text", e->syntax->text));
    return object;
}

static json_t *usage(const struct viv_client_usage *u)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "wall_ns", (json_int_t)u->wall_ns,
                     "user_cpu_ns", (json_int_t)u->user_cpu_ns, "system_cpu_ns",
                     (json_int_t)u->system_cpu_ns, "queue_ns", (json_int_t)u->queue_ns,
                     "peak_memory_bytes", number(u->peak_memory_bytes), "steps", number(u->steps));
}

static json_t *death(const struct viv_client_response *r)
{
    json_t *object = json_pack("{s:s}", "description", r->death_text);

    if (r->death_signal)
        json_object_set_new(object, "signal", json_integer(r->death_signal));
    if (r->death_status >= 0)
        json_object_set_new(object, "exit_status", json_integer(r->death_status));
    return object;
}

static void set_result(json_t *object, const struct viv_client_response *r)
{
    json_t *value;

    if (!r->result_repr)
        return;
    value = viv_json_value(r->result);
    if (value)
        json_object_set_new(object, "result", value);
    json_object_set_new(object, "result_type", json_string(viv_value_type(r->result)));
    json_object_set_new(object, "result_repr", json_string(r->result_repr));
}

static void set_output(json_t *object, const struct viv_client_response *r)
{
    viv_json_set_bytes(object, "stdout", r->stdout_data, r->stdout_len);
    viv_json_set_bytes(object, "stderr", r->stderr_data, r->stderr_len);
    if (r->stdout_truncated)
        json_object_set_new(object, "stdout_truncated", json_true());
    if (r->stderr_truncated)
        json_object_set_new(object, "stderr_truncated", json_true());
}

static json_t *places(const struct viv_client_place *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array,
                              json_pack("{s:s, s:o, s:s}", "filename", list[i].filename, "line",
                                        number(list[i].line), "function", list[i].function));
    return array;
}

static json_t *indices(const uint32_t *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, number(list[i]));
    return array;
}

static json_t *profile(const struct viv_client_profile *p)
{
    json_t *stacks = json_array();

    for (size_t i = 0; i < p->stack_count; i++)
        json_array_append_new(stacks, json_pack("{s:o, s:o}", "places",
                                                indices(p->stacks[i].places, p->stacks[i].depth),
                                                "samples", number(p->stacks[i].samples)));
    return json_pack("{s:I, s:o, s:o, s:o}", "interval_ns", (json_int_t)p->interval_ns, "places",
                     places(p->places, p->place_count), "stacks", stacks, "dropped",
                     number(p->dropped));
}

static json_t *trace(const struct viv_client_trace *t)
{
    return json_pack("{s:o, s:o, s:o}", "places", places(t->places, t->place_count), "lines",
                     indices(t->lines, t->line_count), "dropped", number(t->dropped));
}

json_t *viv_json_response(const struct viv_client_response *r)
{
    json_t *object = json_pack("{s:s, s:s}", "execution_id", r->execution_id, "outcome",
                               viv_client_outcome_name(r->outcome));

    set_result(object, r);
    set_output(object, r);
    if (r->exit_status >= 0)
        json_object_set_new(object, "exit_status", json_integer(r->exit_status));
    if (r->exception)
        json_object_set_new(object, "error", exception(r->exception));
    if (r->receipt)
        json_object_set_new(object, "cancellation", viv_json_receipt(r->receipt));
    if (r->death_text)
        json_object_set_new(object, "death", death(r));
    json_object_set_new(object, "usage", usage(&r->usage));
    if (r->session)
        json_object_set_new(object, "session", viv_json_session_state(r->session));
    if (r->scope)
        json_object_set_new(object, "left_out", viv_json_manifest(r->manifest));
    if (r->restore_manifest.count)
        json_object_set_new(object, "not_restored", viv_json_manifest(r->restore_manifest));
    if (r->profile)
        json_object_set_new(object, "profile", profile(r->profile));
    if (r->trace)
        json_object_set_new(object, "trace", trace(r->trace));
    return object;
}

json_t *viv_json_cancel(const struct viv_client_cancel_reply *reply)
{
    static const char *const names[] = {"UNSPECIFIED", "CANCELLING", "FINISHED", "NOT_FOUND"};
    bool known = reply->state > 0 && reply->state <= VIV_CLIENT_CANCEL_NOT_FOUND;
    json_t *object = json_pack("{s:s}", "state", names[known ? reply->state : 0]);

    if (reply->receipt)
        json_object_set_new(object, "cancellation", viv_json_receipt(reply->receipt));
    return object;
}

json_t *viv_json_list(const struct viv_client_list_reply *reply)
{
    json_t *array = json_array();

    for (size_t i = 0; i < reply->count; i++) {
        const struct viv_client_execution *e = &reply->executions[i];

        json_array_append_new(
            array, json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "execution_id", e->execution_id,
                             "state", viv_client_execution_state_name(e->state), "submitted_ns",
                             (json_int_t)e->submitted_ns, "running_ns", (json_int_t)e->running_ns,
                             "session_id", e->session_id, "filename", e->filename, "memory_bytes",
                             number(e->memory_bytes)));
    }
    return json_pack("{s:o}", "executions", array);
}

static json_t *limits(const struct viv_client_limits *l)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "wall_time_ns",
                     number((uint64_t)l->wall_time_ns), "cpu_time_ns",
                     number((uint64_t)l->cpu_time_ns), "cancel_grace_ns",
                     number((uint64_t)l->cancel_grace_ns), "cleanup_grace_ns",
                     number((uint64_t)l->cleanup_grace_ns), "memory_bytes", number(l->memory_bytes),
                     "memory_soft_bytes", number(l->memory_soft_bytes), "output_bytes",
                     number(l->output_bytes), "pids", number(l->pids), "steps", number(l->steps));
}

static json_t *quotas(const struct viv_client_description *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "running",
                     number(d->quota_running), "queued", number(d->quota_queued), "message_bytes",
                     number(d->quota_message_bytes), "weight", number(d->quota_weight), "rate",
                     d->quota_rate, "burst", number(d->quota_burst), "memory_bytes",
                     number(d->quota_memory_bytes), "request_bytes", number(d->quota_request_bytes),
                     "sessions", number(d->quota_sessions), "resident_sessions",
                     number(d->quota_resident_sessions), "stored_bytes",
                     number(d->quota_stored_bytes));
}

const char *viv_json_isolation_name(enum viv_client_isolation isolation)
{
    return isolation == VIV_CLIENT_ISOLATION_EXEC   ? "exec"
           : isolation == VIV_CLIENT_ISOLATION_FORK ? "fork"
                                                    : "unknown";
}

json_t *viv_json_description(const struct viv_client_description *d)
{
    const struct viv_client_enforcement *e = &d->enforcement;

    return json_pack(
        "{s:s, s:s, s:s, s:{s:o, s:o, s:s}, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o}}", "version",
        d->version, "vm", d->vm, "tenant", d->tenant, "enforcement", "layers",
        texts(e->layers, e->layer_count), "absent", texts(e->absent, e->absent_count), "isolation",
        viv_json_isolation_name(d->isolation), "worker_profiles",
        texts(d->worker_profiles, d->worker_profile_count), "defaults", limits(&d->defaults),
        "ceilings", limits(&d->ceilings), "quotas", quotas(d), "pool", "idle", number(d->pool_idle),
        "busy", number(d->pool_busy), "queued", number(d->pool_queued), "ceiling",
        number(d->pool_ceiling));
}

const char *viv_json_status_name(enum viv_status status)
{
    static const char *const names[] = {
        [VIV_OK] = "OK",
        [VIV_CANCELLED] = "CANCELLED",
        [VIV_UNKNOWN] = "UNKNOWN",
        [VIV_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [VIV_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [VIV_NOT_FOUND] = "NOT_FOUND",
        [VIV_ALREADY_EXISTS] = "ALREADY_EXISTS",
        [VIV_PERMISSION_DENIED] = "PERMISSION_DENIED",
        [VIV_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [VIV_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
        [VIV_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [VIV_INTERNAL] = "INTERNAL",
        [VIV_UNAVAILABLE] = "UNAVAILABLE",
        [VIV_UNAUTHENTICATED] = "UNAUTHENTICATED",
    };
    bool known = (unsigned)status < sizeof(names) / sizeof(names[0]) && names[status];

    return known ? names[status] : "UNKNOWN";
}

json_t *viv_json_failure(const struct viv_error *error)
{
    json_t *text = json_string(error->text); /* NULL where it was cut inside a character */

    return json_pack("{s:{s:s, s:o, s:I}}", "failure", "status",
                     viv_json_status_name(error->status), "message",
                     text ? text : json_string("(not valid UTF-8)"), "retry_after_ns",
                     (json_int_t)error->retry_after_ns);
}
