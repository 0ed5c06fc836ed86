#include "supervisor/service/convert.h"

#include <stdbool.h>
#include <string.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define MARGIN_NS INT64_C(100000000)
#define REASON_MAX 256

static bool in_alphabet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

int convert_tenant(const char *text, size_t len, char ret_tenant[VIV_ID_MAX + 1],
                   struct viv_error *err)
{
    size_t good = 0;

    while (good < len && in_alphabet(text[good]))
        good++;
    if (len == 0 || len > VIV_ID_MAX || good < len)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "metadata vivarium-tenant: must be 1 to %d characters of "
                        "[A-Za-z0-9._:-]",
                        VIV_ID_MAX);
    memcpy(ret_tenant, text, len);
    ret_tenant[len] = '\0';
    return 0;
}

int convert_duration(const Google__Protobuf__Duration *duration, const char *field, int64_t *ret_ns,
                     struct viv_error *err)
{
    int64_t seconds = duration ? duration->seconds : 0;
    int32_t nanos = duration ? duration->nanos : 0;

    if (nanos <= -NS_PER_SECOND || nanos >= NS_PER_SECOND)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: nanos is %d: must be less than a second, put the rest into seconds",
                        field, nanos);
    if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: seconds and nanos have different signs: give both the same", field);
    if (seconds < 0 || nanos < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: is negative: must be above zero, or unset for the default", field);
    if (seconds > (INT64_MAX - nanos) / NS_PER_SECOND)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: is too long, %lld seconds: Describe tells the ceiling", field,
                        (long long)seconds);
    *ret_ns = seconds * NS_PER_SECOND + nanos;
    return 0;
}

int convert_limits(const Vivarium__V1__Limits *limits, struct viv_limits *ret_limits,
                   struct viv_error *err)
{
    struct viv_limits l = {0};

    if (!limits) {
        *ret_limits = l;
        return 0;
    }
    if (convert_duration(limits->wall_time, "limits.wall_time", &l.wall_time_ns, err) < 0 ||
        convert_duration(limits->cpu_time, "limits.cpu_time", &l.cpu_time_ns, err) < 0 ||
        convert_duration(limits->cancel_grace, "limits.cancel_grace", &l.cancel_grace_ns, err) <
            0 ||
        convert_duration(limits->cleanup_grace, "limits.cleanup_grace", &l.cleanup_grace_ns, err) <
            0)
        return -1;
    l.memory_bytes = limits->memory_bytes;
    l.memory_soft_bytes = limits->memory_soft_bytes;
    l.output_bytes = limits->output_bytes;
    l.steps = limits->steps;
    l.pids = limits->pids;
    *ret_limits = l;
    return 0;
}

#define PROFILE_INTERVAL_NS INT64_C(5000000)
#define TRACE_LINES 10000

/* A message that is there asks, also where it says nothing. */
static int convert_observe(const Vivarium__V1__ExecuteRequest *message,
                           struct viv_observe *ret_observe, struct viv_error *err)
{
    struct viv_observe o = {0};

    if (message->profile && convert_duration(message->profile->interval, "profile.interval",
                                             &o.profile_interval_ns, err) < 0)
        return -1;
    if (message->profile && o.profile_interval_ns == 0)
        o.profile_interval_ns = PROFILE_INTERVAL_NS;
    if (message->trace) {
        o.trace_lines = message->trace->lines ? message->trace->lines : TRACE_LINES;
        o.trace_libraries = message->trace->libraries;
    }
    *ret_observe = o;
    return 0;
}

int convert_execute(const Vivarium__V1__ExecuteRequest *message, struct viv_request *ret_request,
                    struct viv_error *err)
{
    struct viv_request r = {
        .execution_id = message->execution_id,
        .session_id = message->session_id,
        .worker_profile = message->worker_profile,
        .code = message->code,
        .code_len = strlen(message->code),
        .filename = message->filename,
        .stdin_data = message->stdin.data,
        .stdin_len = message->stdin.len,
        .return_scope = message->return_scope,
        .cancel_on_output_limit = message->cancel_on_output_limit,
        .priority = (enum viv_priority)message->priority,
    };

    if (convert_limits(message->limits, &r.limits, err) < 0 ||
        convert_observe(message, &r.observe, err) < 0)
        return -1;
    *ret_request = r;
    return 0;
}

int convert_cancel(const Vivarium__V1__CancelRequest *message, struct viv_cancel *ret_cancel,
                   struct viv_error *err)
{
    size_t reason_len = strlen(message->reason);

    if (message->execution_id[0] == '\0')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "execution_id: is empty: name the execution to cancel");
    if (reason_len > REASON_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "reason: has %zu bytes: must have at most %d",
                        reason_len, REASON_MAX);
    *ret_cancel = (struct viv_cancel){
        .execution_id = message->execution_id,
        .reason = reason_len > 0 ? message->reason : NULL,
        .force = message->force,
        .wait = message->wait,
    };
    return 0;
}

int64_t convert_deadline(int64_t deadline_ns, int64_t now_ns)
{
    int64_t left = deadline_ns - now_ns;
    /* A client on the C core sends its timeout rounded up by as much as a
     * hundredth, so that its own deadline comes that much earlier. */
    int64_t wanted = MARGIN_NS + left / 100;
    int64_t margin = left / 4 < wanted ? left / 4 : wanted;

    return left > 0 ? deadline_ns - margin : deadline_ns;
}
