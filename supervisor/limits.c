#include "supervisor/limits.h"

#include <inttypes.h>
#include <string.h>

#include "proto/wire_check.h"
#include "supervisor/profile.h"

#define SECOND INT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)
#define FILENAME_BYTES_MAX 1024
#define SESSIONS_MAX 30000

void viv_config_init(struct viv_config *config)
{
    *config = (struct viv_config){
        .workers_warm = 4,
        .workers_max = 32,
        .queue_max = 1024,
        .tenants_max = 1024,
        .execution_cost_min_ns = SECOND / 1000,
        .output_stall_ns = 60 * SECOND,
        .request_bytes_max = 64 * MIB,
        .request_bytes_total = 512 * MIB,
        .result_bytes_max = 64 * MIB,
        .defaults = {.wall_time_ns = 30 * SECOND,
                     .cancel_grace_ns = SECOND,
                     .cleanup_grace_ns = 5 * SECOND,
                     .memory_bytes = 512 * MIB,
                     .pids = 64,
                     .output_bytes = 8 * MIB},
        .ceilings = {.wall_time_ns = 3600 * SECOND,
                     .cpu_time_ns = 3600 * SECOND,
                     .cancel_grace_ns = 60 * SECOND,
                     .cleanup_grace_ns = 60 * SECOND,
                     .memory_bytes = 4096 * MIB,
                     .memory_soft_bytes = 4096 * MIB,
                     .pids = 1024,
                     .output_bytes = 64 * MIB},
        .sessions = {.max = 256,
                     .idle_timeout_ns = 3600 * SECOND,
                     .idle_timeout_max_ns = 30 * 24 * 3600 * SECOND,
                     .memory_bytes_max = UINT64_C(1) << 30,
                     .tenant_bytes_max = 1024 * MIB},
    };
}

static int resolve_time(const char *name, int64_t asked, int64_t dflt, int64_t ceiling,
                        int64_t *ret, struct viv_error *err)
{
    if (asked < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.%s is negative: leave it out for the default", name);
    if (asked > ceiling)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.%s of %.3f s is above the ceiling of %.3f s", name,
                        (double)asked / SECOND, (double)ceiling / SECOND);
    *ret = asked ? asked : dflt < ceiling ? dflt : ceiling;
    return 0;
}

static int resolve_count(const char *name, uint64_t asked, uint64_t dflt, uint64_t ceiling,
                         uint64_t *ret, struct viv_error *err)
{
    if (asked > ceiling)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.%s of %" PRIu64 " is above the ceiling of %" PRIu64, name, asked,
                        ceiling);
    *ret = asked ? asked : dflt < ceiling ? dflt : ceiling;
    return 0;
}

static int resolve_times(const struct viv_limits *a, const struct viv_limits *d,
                         const struct viv_limits *c, struct viv_limits *l, struct viv_error *err)
{
    int64_t cpu_default;

    if (resolve_time("wall_time", a->wall_time_ns, d->wall_time_ns, c->wall_time_ns,
                     &l->wall_time_ns, err) < 0)
        return -1;
    cpu_default = d->cpu_time_ns ? d->cpu_time_ns : l->wall_time_ns;
    if (resolve_time("cpu_time", a->cpu_time_ns, cpu_default, c->cpu_time_ns, &l->cpu_time_ns,
                     err) < 0)
        return -1;
    if (resolve_time("cancel_grace", a->cancel_grace_ns, d->cancel_grace_ns, c->cancel_grace_ns,
                     &l->cancel_grace_ns, err) < 0)
        return -1;
    return resolve_time("cleanup_grace", a->cleanup_grace_ns, d->cleanup_grace_ns,
                        c->cleanup_grace_ns, &l->cleanup_grace_ns, err);
}

static int resolve_memory(const struct viv_limits *a, const struct viv_limits *d,
                          const struct viv_limits *c, struct viv_limits *l, struct viv_error *err)
{
    uint64_t soft_default;

    if (resolve_count("memory_bytes", a->memory_bytes, d->memory_bytes, c->memory_bytes,
                      &l->memory_bytes, err) < 0)
        return -1;
    soft_default = d->memory_soft_bytes;
    if (soft_default == 0 || soft_default > l->memory_bytes)
        soft_default = l->memory_bytes / 8 * 7;
    if (resolve_count("memory_soft_bytes", a->memory_soft_bytes, soft_default, c->memory_soft_bytes,
                      &l->memory_soft_bytes, err) < 0)
        return -1;
    if (l->memory_soft_bytes > l->memory_bytes)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.memory_soft_bytes of %" PRIu64 " is above memory_bytes of %" PRIu64,
                        l->memory_soft_bytes, l->memory_bytes);
    return 0;
}

int limits_resolve(const struct viv_limits *asked, const struct viv_limits *defaults,
                   const struct viv_limits *ceilings, struct viv_limits *ret_limits,
                   struct viv_error *err)
{
    struct viv_limits l = {0};
    uint64_t pids = 0;
    uint64_t steps_ceiling = ceilings->steps ? ceilings->steps : UINT64_MAX;

    if (resolve_times(asked, defaults, ceilings, &l, err) < 0 ||
        resolve_memory(asked, defaults, ceilings, &l, err) < 0)
        return -1;
    if (resolve_count("pids", asked->pids, defaults->pids, ceilings->pids, &pids, err) < 0 ||
        resolve_count("output_bytes", asked->output_bytes, defaults->output_bytes,
                      ceilings->output_bytes, &l.output_bytes, err) < 0 ||
        resolve_count("steps", asked->steps, defaults->steps, steps_ceiling, &l.steps, err) < 0)
        return -1;
    l.pids = (uint32_t)pids;
    *ret_limits = l;
    return 0;
}

static int check_sessions(const struct viv_config *config, struct viv_error *err)
{
    const struct viv_session_config *s = &config->sessions;

    if (s->max == 0 || s->max > SESSIONS_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "sessions.max must be 1 to %d, not %u",
                        SESSIONS_MAX, s->max);
    if (s->resident_max > config->workers_max)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "sessions.resident_max of %u is above workers_max of %u", s->resident_max,
                        config->workers_max);
    if (s->idle_timeout_ns < 0 || s->idle_timeout_ns > s->idle_timeout_max_ns)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "sessions.idle_timeout must not be negative, nor above its ceiling");
    if (s->lease_ns < 0 || (s->lease_ns > 0 && s->lease_ns < SECOND))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "sessions.lease must be at least a second");
    return 0;
}

int viv_config_check(const struct viv_config *config, struct viv_error *err)
{
    struct viv_limits unused;
    const struct viv_limits none = {0};

    if (config->workers_max == 0 || config->workers_max > 10000)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "workers_max must be 1 to 10000, not %u",
                        config->workers_max);
    if (config->workers_warm > config->workers_max)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "workers_warm of %u is above workers_max of %u",
                        config->workers_warm, config->workers_max);
    if (profiles_check(config, err) < 0)
        return -1;
    if (config->queue_max > 1000000)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "queue_max must be at most 1000000, not %u",
                        config->queue_max);
    if (check_sessions(config, err) < 0)
        return -1;
    if (config->tenants_max == 0 || config->tenants_max > 100000)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "tenants_max must be 1 to 100000, not %u",
                        config->tenants_max);
    if (config->execution_cost_min_ns <= 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "execution_cost_min must be above zero");
    if (config->output_stall_ns < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "output_stall must not be negative");
    if ((config->tenant_cpu_millis && config->tenant_cpu_millis < LIMITS_CPU_MILLIS_MIN) ||
        (config->worker_cpu_millis && config->worker_cpu_millis < LIMITS_CPU_MILLIS_MIN))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "tenant_cpu_millis and worker_cpu_millis must be 0 or at least %d",
                        LIMITS_CPU_MILLIS_MIN);
    if (config->defaults.wall_time_ns <= 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the default wall_time must be above zero");
    if (limits_resolve(&config->defaults, &none, &config->ceilings, &unused, err) < 0) {
        struct viv_error why = err ? *err : (struct viv_error){0};

        return viv_fail(err, VIV_INVALID_ARGUMENT, "a default contradicts its ceiling: %.400s",
                        why.text);
    }
    return 0;
}

static int check_kind(const struct viv_request *r, bool named, struct viv_error *err)
{
    switch (r->kind) {
    case VIV_REQUEST_EXECUTE:
        if (named && r->worker_profile && *r->worker_profile)
            return viv_fail(
                err, VIV_INVALID_ARGUMENT,
                "session_id and worker_profile are both set: a session keeps the profile "
                "that it was opened with");
        if (named && r->scope_len > 0)
            return viv_fail(err, VIV_INVALID_ARGUMENT,
                            "session_id and scope are both set: set one; SetScope replaces a "
                            "session's scope");
        return 0;
    case VIV_REQUEST_OPEN_SESSION:
        return 0;
    case VIV_REQUEST_GET_SCOPE:
    case VIV_REQUEST_SET_SCOPE:
        return named ? 0 : viv_fail(err, VIV_INVALID_ARGUMENT, "session_id is empty: name one");
    }
    return viv_fail(err, VIV_INVALID_ARGUMENT, "there is no request of kind %d", r->kind);
}

int limits_check_session(const struct viv_request *r, const struct viv_session_config *config,
                         struct viv_error *err)
{
    bool named = r->session_id && *r->session_id;

    if (named && limits_check_id("session_id", r->session_id, err) < 0)
        return -1;
    if (r->idle_timeout_ns < 0 || r->idle_timeout_ns > config->idle_timeout_max_ns)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "idle_timeout of %.3f s must be between 0 and the ceiling of %.3f s",
                        (double)r->idle_timeout_ns / SECOND,
                        (double)config->idle_timeout_max_ns / SECOND);
    if (r->durability < 0 || r->durability > VIV_DURABILITY_EVERY_EXECUTION)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "there is no durability %d", r->durability);
    return check_kind(r, named, err);
}

int limits_check_id(const char *what, const char *id, struct viv_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._:-";
    size_t len = strnlen(id, VIV_ID_MAX + 1);

    if (len == 0 || len > VIV_ID_MAX || strspn(id, allowed) != len)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s must be 1 to %d characters of %s", what,
                        VIV_ID_MAX, "[A-Za-z0-9._:-]");
    return 0;
}

static int check_observe(const struct viv_observe *o, struct viv_error *err)
{
    int64_t interval = o->profile_interval_ns;

    if (interval != 0 &&
        (interval < VIV_PROFILE_INTERVAL_MIN_NS || interval > VIV_PROFILE_INTERVAL_MAX_NS))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "profile.interval of %.6f s must be from 0.001 s to 1 s",
                        (double)interval / SECOND);
    if (o->trace_lines > VIV_TRACE_LINES_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "trace.lines of %" PRIu32 " is above %u",
                        o->trace_lines, VIV_TRACE_LINES_MAX);
    return 0;
}

int limits_check_request(const struct viv_request *r, uint64_t bytes_max, struct viv_error *err)
{
    const char *filename = r->filename ? r->filename : "";

    if (r->tenant && limits_check_id("the tenant", r->tenant, err) < 0)
        return -1;
    if (r->execution_id && *r->execution_id &&
        limits_check_id("execution_id", r->execution_id, err) < 0)
        return -1;
    if ((unsigned)r->priority > VIV_PRIORITY_HIGH)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "priority: there is none of number %d",
                        (int)r->priority);
    if (strnlen(filename, FILENAME_BYTES_MAX + 1) > FILENAME_BYTES_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "filename must be at most %d bytes",
                        FILENAME_BYTES_MAX);
    if (!viv_utf8_valid(filename, strlen(filename)))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "filename is not valid UTF-8");
    if (r->code_len > bytes_max || r->stdin_len > bytes_max - r->code_len ||
        r->scope_len > bytes_max - r->code_len - r->stdin_len)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "code, stdin and scope together are above %" PRIu64 " bytes", bytes_max);
    if (!viv_utf8_valid(r->code, r->code_len))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "code is not valid UTF-8");
    return check_observe(&r->observe, err);
}
