#include "supervisor/receipt.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire_check.h"

static const char *default_reason(enum viv_cause cause)
{
    switch (cause) {
    case VIV_CAUSE_CANCEL_RPC:
        return "cancelled on request";
    case VIV_CAUSE_CALL_CANCELLED:
        return "the call was cancelled or its client has gone";
    case VIV_CAUSE_CLIENT_GONE:
        return "the client has gone";
    case VIV_CAUSE_DEADLINE:
        return "the call's deadline has come";
    case VIV_CAUSE_WALL_TIME:
        return "the wall time limit is reached";
    case VIV_CAUSE_CPU_TIME:
        return "the CPU time limit is reached";
    case VIV_CAUSE_MEMORY:
        return "the memory limit is reached";
    case VIV_CAUSE_OUTPUT:
        return "the output limit is reached";
    case VIV_CAUSE_STEPS:
        return "the step limit is reached";
    case VIV_CAUSE_SESSION_CLOSED:
        return "the session was closed";
    case VIV_CAUSE_DRAIN:
        return "the supervisor is shutting down";
    case VIV_CAUSE_NONE:
        break;
    }
    return "";
}

/* Cuts at a character, so that the text stays valid UTF-8. */
static void copy_reason(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);

    while (len > 0 && !viv_utf8_valid(from, len))
        len--;
    memcpy(to, from, len);
    to[len] = '\0';
}

bool cancel_record_latch(struct cancel_record *record, enum viv_cause cause, const char *reason,
                         int64_t now_ns)
{
    if (record->cause != VIV_CAUSE_NONE)
        return false;
    if (!reason || !*reason)
        reason = default_reason(cause);
    record->cause = cause;
    record->requested_ns = now_ns;
    copy_reason(record->reason, sizeof(record->reason), reason);
    return true;
}

void cancel_record_cleanup(struct cancel_record *record, bool entered, int64_t now_ns)
{
    if (entered == record->in_cleanup)
        return;
    if (entered)
        record->cleanup_since_ns = now_ns;
    else
        record->cleanup_spent_ns += now_ns - record->cleanup_since_ns;
    record->in_cleanup = entered;
}

int64_t cancel_record_kill_at(const struct cancel_record *record, int64_t cancel_grace_ns,
                              int64_t cleanup_grace_ns)
{
    int64_t spent = record->cleanup_spent_ns;

    if (spent > cleanup_grace_ns)
        spent = cleanup_grace_ns;
    if (record->in_cleanup)
        return record->cleanup_since_ns + cleanup_grace_ns - spent;
    return record->flag_set_ns + cancel_grace_ns + spent;
}

/* A time of ours, relative. */
static int64_t since(int64_t began_ns, int64_t at_ns)
{
    if (at_ns == 0)
        return 0;
    return at_ns > began_ns ? at_ns - began_ns : 1;
}

/* A time that the worker told: held between two that we saw ourselves. */
static int64_t told(int64_t at_ns, int64_t low_ns, int64_t high_ns)
{
    if (at_ns == 0)
        return 0;
    if (at_ns < low_ns)
        return low_ns;
    return at_ns > high_ns ? high_ns : at_ns;
}

static enum viv_delivery delivery_of(const struct cancel_record *r, int64_t began_ns)
{
    if (r->killed_ns)
        return VIV_DELIVERY_KILLED;
    if (r->raise_count > 0 || began_ns == 0)
        return VIV_DELIVERY_COOPERATIVE;
    return VIV_DELIVERY_TOO_LATE;
}

void receipt_make(const struct cancel_record *r, int64_t began_ns, struct viv_receipt *ret_receipt)
{
    int64_t origin = began_ns ? began_ns : r->requested_ns;
    int64_t high = r->finished_ns ? r->finished_ns : INT64_MAX;
    int64_t hook = r->flag_set_ns ? told(r->hook_reached_ns, r->flag_set_ns, high) : 0;
    int64_t raised = hook ? told(r->raised_ns, hook, high) : 0;
    int64_t unwound = raised ? told(r->unwound_ns, raised, high) : 0;
    struct viv_receipt receipt = {
        .cause = r->cause,
        .delivery = delivery_of(r, began_ns),
        .requested_ns = since(origin, r->requested_ns),
        .flag_set_ns = since(origin, r->flag_set_ns),
        .hook_reached_ns = since(origin, hook),
        .raised_ns = since(origin, raised),
        .unwound_ns = since(origin, unwound),
        .killed_ns = since(origin, r->killed_ns),
        .cleanup_deferred_ns = told(r->cleanup_deferred_ns, 0, high - r->requested_ns),
        .raise_count = r->raise_count,
        .processes_killed = r->processes_killed,
    };

    memcpy(receipt.reason, r->reason, sizeof(receipt.reason));
    *ret_receipt = receipt;
}

enum viv_outcome receipt_outcome(enum viv_cause cause)
{
    switch (cause) {
    case VIV_CAUSE_DEADLINE:
    case VIV_CAUSE_WALL_TIME:
        return VIV_OUTCOME_WALL_TIME_EXCEEDED;
    case VIV_CAUSE_CPU_TIME:
        return VIV_OUTCOME_CPU_TIME_EXCEEDED;
    case VIV_CAUSE_MEMORY:
        return VIV_OUTCOME_MEMORY_EXCEEDED;
    case VIV_CAUSE_OUTPUT:
        return VIV_OUTCOME_OUTPUT_EXCEEDED;
    case VIV_CAUSE_STEPS:
        return VIV_OUTCOME_STEPS_EXCEEDED;
    default:
        return VIV_OUTCOME_CANCELLED;
    }
}
