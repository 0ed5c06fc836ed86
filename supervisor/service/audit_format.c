#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/audit.h"
#include "supervisor/service/log.h"

#define FIELDS_MAX 32

int audit_record(const char *method, const struct auth_identity *who, const char *traceparent,
                 const struct viv_request *request, struct audit_record *ret_record)
{
    struct audit_record r = {
        .method = method,
        .who = *who,
        .limits = request->limits,
        .request_bytes = request->code_len + request->stdin_len + request->scope_len,
    };
    struct timespec now;

    if (EVP_Digest(request->code, request->code_len, r.code_hash, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    r.submitted_realtime_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    snprintf(r.execution_id, sizeof(r.execution_id), "%s",
             request->execution_id ? request->execution_id : "");
    snprintf(r.session_id, sizeof(r.session_id), "%s",
             request->session_id ? request->session_id : "");
    snprintf(r.traceparent, sizeof(r.traceparent), "%s", traceparent);
    *ret_record = r;
    return 0;
}

struct fields {
    struct log_field list[FIELDS_MAX];
    size_t count;
};

/* Room for one more, and the end. */
static void put(struct fields *f, struct log_field field)
{
    if (f->count < FIELDS_MAX - 1)
        f->list[f->count++] = field;
}

static void put_limit(struct fields *f, const char *key, uint64_t value)
{
    if (value > 0)
        put(f, LOG_NUMBER(key, (int64_t)value));
}

static void put_limits(struct fields *f, const struct viv_limits *l)
{
    put_limit(f, "limit_wall_ns", (uint64_t)l->wall_time_ns);
    put_limit(f, "limit_cpu_ns", (uint64_t)l->cpu_time_ns);
    put_limit(f, "limit_cancel_grace_ns", (uint64_t)l->cancel_grace_ns);
    put_limit(f, "limit_cleanup_grace_ns", (uint64_t)l->cleanup_grace_ns);
    put_limit(f, "limit_memory_bytes", l->memory_bytes);
    put_limit(f, "limit_memory_soft_bytes", l->memory_soft_bytes);
    put_limit(f, "limit_output_bytes", l->output_bytes);
    put_limit(f, "limit_steps", l->steps);
    put_limit(f, "limit_pids", l->pids);
}

static void put_result(struct fields *f, const struct viv_result *r)
{
    put(f, LOG_TEXT("outcome", viv_outcome_name(r->outcome)));
    if (r->receipt)
        put(f, LOG_TEXT("cancel_cause", viv_cause_name(r->receipt->cause)));
    put(f, LOG_NUMBER("queue_ns", r->usage.queue_ns));
    put(f, LOG_NUMBER("run_ns", r->usage.wall_ns));
    put(f, LOG_NUMBER("cpu_ns", r->usage.user_cpu_ns + r->usage.system_cpu_ns));
    put(f, LOG_NUMBER("memory_peak_bytes", (int64_t)r->usage.peak_memory_bytes));
    put(f, LOG_NUMBER("response_bytes", (int64_t)(r->body_len + r->stdout_len + r->stderr_len)));
}

static void put_hash(char text[65], const uint8_t hash[32])
{
    for (int i = 0; i < 32; i++)
        snprintf(text + 2L * i, 3, "%02x", hash[i]);
}

size_t audit_format(char line[AUDIT_LINE_MAX], int64_t realtime_ns,
                    const struct audit_record *record, const struct viv_result *result,
                    const struct viv_error *error)
{
    struct fields f = {.count = 0};
    char hash[65];

    _Static_assert(AUDIT_LINE_MAX == LOG_LINE_MAX, "a line of the log's length");
    put_hash(hash, record->code_hash);
    put(&f, LOG_TEXT("event", result ? "execution" : "execution_rejected"));
    put(&f, LOG_TEXT("method", record->method));
    put(&f, LOG_TEXT("tenant", record->who.tenant));
    put(&f, LOG_TEXT("credential", auth_kind_name(record->who.kind)));
    put(&f, LOG_TEXT("execution_id", result ? result->execution_id : record->execution_id));
    if (record->session_id[0])
        put(&f, LOG_TEXT("session_id", record->session_id));
    if (record->traceparent[0])
        put(&f, LOG_TEXT("traceparent", record->traceparent));
    put(&f, LOG_NUMBER("submitted_ns", record->submitted_realtime_ns));
    put(&f, LOG_TEXT("code_sha256", hash));
    put(&f, LOG_NUMBER("request_bytes", (int64_t)record->request_bytes));
    if (result)
        put_result(&f, result);
    else if (error)
        put(&f, LOG_NUMBER("status", error->status));
    put_limits(&f, &record->limits);
    return log_format_object(line, realtime_ns, f.list);
}
