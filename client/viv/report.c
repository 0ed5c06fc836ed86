#include "client/viv/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS 1e6
#define SECOND 1e9

/* "1 h", "1 h 02 min". */
static void two_units(int64_t small, const char *const units[2], int of, char *text, size_t size)
{
    int used = snprintf(text, size, "%" PRId64 " %s", small / of, units[0]);

    if (small % of && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, " %02d %s", (int)(small % of), units[1]);
}

void viv_report_time(int64_t ns, char *text, size_t size)
{
    int64_t seconds = ns / (int64_t)SECOND;

    if (seconds >= 48 * 3600)
        two_units(seconds / 3600, (const char *const[]){"d", "h"}, 24, text, size);
    else if (seconds >= 3600)
        two_units(seconds / 60, (const char *const[]){"h", "min"}, 60, text, size);
    else if (seconds >= 60)
        two_units(seconds, (const char *const[]){"min", "s"}, 60, text, size);
    else if (ns >= (int64_t)SECOND)
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

/* C0, DEL, and C1 as UTF-8 has it. */
static bool is_control(const unsigned char *at)
{
    return *at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

const char *viv_report_clean(const char *text, char *cell, size_t size)
{
    size_t n = 0;

    for (; *text && n < size - 1; text++) {
        bool control = is_control((const unsigned char *)text);

        text += control && (unsigned char)*text == 0xc2;
        cell[n++] = control ? '?' : *text;
    }
    /* what is cut is cut before a character */
    while (*text && n > 0 && ((unsigned char)*text & 0xc0) == 0x80) {
        text--;
        n--;
    }
    cell[n] = '\0';
    return cell;
}

static void add_text(char *line, const char *text)
{
    size_t at = strlen(line);

    at += (size_t)snprintf(line + at, VIV_REPORT_MAX - at, ": ");
    viv_report_clean(text, line + at, VIV_REPORT_MAX - 100 - at);
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
        fprintf(stderr, "viv: %s", error->text);
        if (error->retry_after_ns > 0)
            fprintf(stderr, " (in %.2f s)", (double)error->retry_after_ns / 1e9);
        fprintf(stderr, "\n");
        return;
    }
    fprintf(stderr,
            "viv: no vivariumd at %s\n"
            "viv: start one with: vivariumd --listen %s\n",
            error->text + prefix, target);
}
