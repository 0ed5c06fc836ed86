#include "client/request.h"

#include "client/scope.h"

#define SECOND_NS 1000000000LL

/* For queue, cleanup and the way back. */
#define SLACK_NS (600 * SECOND_NS)

/* Both parts have the sign of the whole, as google.protobuf.Duration wants it and
 * as C's division gives it. */
Google__Protobuf__Duration *viv_request_duration(Google__Protobuf__Duration *duration, int64_t ns)
{
    if (!ns)
        return NULL;
    google__protobuf__duration__init(duration);
    duration->seconds = ns / SECOND_NS;
    duration->nanos = (int32_t)(ns % SECOND_NS);
    return duration;
}

static void fill_limits(struct viv_request_message *m, const struct viv_client_limits *limits)
{
    vivarium__v1__limits__init(&m->limits);
    m->limits.wall_time = viv_request_duration(&m->wall_time, limits->wall_time_ns);
    m->limits.cpu_time = viv_request_duration(&m->cpu_time, limits->cpu_time_ns);
    m->limits.cancel_grace = viv_request_duration(&m->cancel_grace, limits->cancel_grace_ns);
    m->limits.cleanup_grace = viv_request_duration(&m->cleanup_grace, limits->cleanup_grace_ns);
    m->limits.memory_bytes = limits->memory_bytes;
    m->limits.memory_soft_bytes = limits->memory_soft_bytes;
    m->limits.output_bytes = limits->output_bytes;
    m->limits.steps = limits->steps;
    m->limits.pids = limits->pids;
    m->base.limits = &m->limits;
}

static void fill_observe(struct viv_request_message *m, const struct viv_client_request *request)
{
    int64_t interval = request->profile_interval_ns;

    if (interval) {
        vivarium__v1__profile_request__init(&m->profile);
        if (interval != VIV_CLIENT_PROFILE_DEFAULT)
            m->profile.interval = viv_request_duration(&m->interval, interval);
        m->base.profile = &m->profile;
    }
    if (request->trace_lines) {
        vivarium__v1__trace_request__init(&m->trace);
        m->trace.lines = request->trace_lines;
        m->trace.libraries = request->trace_libraries;
        m->base.trace = &m->trace;
    }
}

static void set_text(char **field, const char *text)
{
    if (text)
        *field = (char *)text; /* packing only reads it */
}

int viv_request_fill(struct viv_request_message *message, const struct viv_client_request *request,
                     struct viv_error *err)
{
    Vivarium__V1__ExecuteRequest *base = &message->base;

    vivarium__v1__execute_request__init(base);
    if (request->scope) {
        if (viv_scope_outgoing(request->scope, &message->scope, err))
            return -1;
        base->scope = &message->scope;
    }
    set_text(&base->session_id, request->session_id);
    set_text(&base->worker_profile, request->worker_profile);
    base->return_scope = request->return_scope;
    set_text(&base->execution_id, request->execution_id);
    set_text(&base->code, request->code);
    set_text(&base->filename, request->filename);
    base->stdin.data = (uint8_t *)request->stdin_data;
    base->stdin.len = request->stdin_len;
    base->priority = (Vivarium__V1__Priority)request->priority;
    base->detach = request->detach;
    base->cancel_on_output_limit = request->cancel_on_output_limit;
    fill_limits(message, &request->limits);
    fill_observe(message, request);
    return 0;
}

int64_t viv_request_timeout_ns(const struct viv_client_request *request, int64_t default_ns)
{
    int64_t wall = request->limits.wall_time_ns;

    if (request->timeout_ns)
        return request->timeout_ns;
    if (wall > INT64_MAX - SLACK_NS)
        return INT64_MAX;
    return wall + SLACK_NS > default_ns ? wall + SLACK_NS : default_ns;
}
