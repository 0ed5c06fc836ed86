#include "supervisor/service/account.h"

#include <grpc/support/alloc.h>
#include <string.h>

#include "supervisor/service/answers.h"
#include "supervisor/service/audit.h"
#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"
#include "supervisor/service/server.h"

int account_begin(struct call *call, const struct viv_request *request, struct viv_error *err)
{
    struct audit *audit = server_audit(call->slot);

    if (answers_check(server_answers(call->slot), call->identity.tenant, err) < 0)
        return -1;
    if (!audit_ready(audit))
        return viv_fail(err, VIV_UNAVAILABLE,
                        "executions are refused while the audit can't be written: retry later");
    if (audit) {
        call->audit = gpr_zalloc(sizeof(*call->audit));
        if (audit_record(strrchr(call->slot->method->path, '/') + 1, &call->identity,
                         call->traceparent, request, call->audit) < 0)
            return viv_fail(err, VIV_INTERNAL, "libcrypto can't compute a hash");
    }
    metrics_execution_bytes(call->identity.tenant,
                            request->code_len + request->stdin_len + request->scope_len);
    return 0;
}

/* NULL leaves the member out. */
static struct log_field text_or_end(const char *key, const char *text)
{
    return text[0] ? LOG_TEXT(key, text) : (struct log_field){.key = NULL};
}

static void log_ended(const struct call *call, const struct viv_result *r)
{
    static struct log_limit limit = LOG_LIMIT_INIT(5);

    if (r->outcome == VIV_OUTCOME_WORKER_DIED)
        log_limited(&limit, LOG_LEVEL_WARN, "worker_died",
                    LOG_TEXT("tenant", call->identity.tenant),
                    LOG_TEXT("execution_id", r->execution_id), LOG_TEXT("reason", r->death.text),
                    text_or_end(TRACE_PARENT_KEY, call->traceparent));
    else
        log_event(LOG_LEVEL_DEBUG, "execution", LOG_TEXT("tenant", call->identity.tenant),
                  LOG_TEXT("execution_id", r->execution_id),
                  LOG_TEXT("outcome", viv_outcome_name(r->outcome)),
                  LOG_NUMBER("run_ns", r->usage.wall_ns),
                  text_or_end(TRACE_PARENT_KEY, call->traceparent));
}

void account_ended(struct call *call, const struct viv_result *result)
{
    metrics_execution_ended(call->identity.tenant, result);
    log_ended(call, result);
    if (call->audit)
        audit_ended(server_audit(call->slot), call->audit, result, NULL);
}

void account_rejected(struct call *call, const struct viv_error *error)
{
    metrics_execution_rejected(call->identity.tenant, error->status);
    log_event(LOG_LEVEL_DEBUG, "execution_rejected", LOG_TEXT("tenant", call->identity.tenant),
              LOG_NUMBER("status", error->status),
              text_or_end(TRACE_PARENT_KEY, call->traceparent));
    if (call->audit)
        audit_ended(server_audit(call->slot), call->audit, NULL, error);
}
