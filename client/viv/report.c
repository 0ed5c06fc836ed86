#include "client/viv/report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MS 1e6
#define SECOND 1e9

void viv_report_time(int64_t ns, char *text, size_t size)
{
    if (ns >= (int64_t)SECOND)
        snprintf(text, size, "%.1f s", (double)ns / SECOND);
    else
        snprintf(text, size, "%.1f ms", (double)ns / MS);
}

static const char *what_ended(const struct viv_client_response *r)
{
    switch (r->outcome) {
    case VIV_CLIENT_OUTCOME_CANCELLED:
        return "cancelled";
    case VIV_CLIENT_WALL_TIME_EXCEEDED:
        return "time limit reached";
    case VIV_CLIENT_CPU_TIME_EXCEEDED:
        return "CPU time limit reached";
    case VIV_CLIENT_MEMORY_EXCEEDED:
        return "memory limit reached";
    case VIV_CLIENT_OUTPUT_EXCEEDED:
        return "output limit reached";
    case VIV_CLIENT_STEPS_EXCEEDED:
        return "step limit reached";
    case VIV_CLIENT_WORKER_DIED:
        return "worker died";
    default:
        return "ended in a way that this viv doesn't know";
    }
}

/* How the code took it: "(cooperative, 0.3 ms to unwind)". */
static void add_receipt(const struct viv_client_receipt *receipt, char *line)
{
    size_t used = strlen(line);
    char *at = line + used;
    size_t left = VIV_REPORT_MAX - used;
    char time[32];

    if (receipt->delivery == VIV_CLIENT_DELIVERY_COOPERATIVE && receipt->unwound_ns > 0) {
        viv_report_time(receipt->unwound_ns - receipt->requested_ns, time, sizeof(time));
        snprintf(at, left, " (cooperative, %s to unwind)", time);
    } else if (receipt->delivery == VIV_CLIENT_DELIVERY_COOPERATIVE) {
        snprintf(at, left, " (before it began)");
    } else if (receipt->delivery == VIV_CLIENT_DELIVERY_KILLED) {
        viv_report_time(receipt->killed_ns - receipt->requested_ns, time, sizeof(time));
        snprintf(at, left, " (killed after %s)", time);
    }
}

/* Text from elsewhere, made fit for a terminal: no control characters. */
static void add_text(char *line, const char *text)
{
    size_t at = strlen(line);

    at += (size_t)snprintf(line + at, VIV_REPORT_MAX - at, ": ");
    for (; *text && at < VIV_REPORT_MAX - 100; text++)
        line[at++] = iscntrl((unsigned char)*text) ? '?' : *text;
    line[at] = '\0';
}

void viv_report_end(const struct viv_client_response *response, bool own_cancel,
                    char line[VIV_REPORT_MAX])
{
    const struct viv_client_receipt *receipt = response->receipt;
    bool cancelled = response->outcome == VIV_CLIENT_OUTCOME_CANCELLED;

    *line = '\0';
    if (response->outcome == VIV_CLIENT_COMPLETED || response->outcome == VIV_CLIENT_RAISED)
        return;
    snprintf(line, VIV_REPORT_MAX, "%s", what_ended(response));
    if (response->death_text)
        add_text(line, response->death_text);
    else if (cancelled && !own_cancel && receipt && *receipt->reason)
        add_text(line, receipt->reason);
    if (receipt)
        add_receipt(receipt, line);
}

void viv_report_error(const char *target, const struct viv_error *error)
{
    size_t prefix = strlen(VIV_CLIENT_UNREACHABLE);
    bool unreachable = error->status == VIV_UNAVAILABLE &&
                       strncmp(error->text, VIV_CLIENT_UNREACHABLE, prefix) == 0;

    if (!unreachable) {
        fprintf(stderr, "viv: %s\n", error->text);
        return;
    }
    fprintf(stderr,
            "viv: no vivariumd at %s\n"
            "viv: start one with: vivariumd --listen %s\n",
            error->text + prefix, target);
}
