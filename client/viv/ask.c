/* viv cancel, viv ps and viv describe: one question, one answer. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/json.h"
#include "client/viv/report.h"
#include "client/viv/scope_report.h"

#define CELL 128

static int print_or_fail(json_t *object)
{
    return viv_command_print_json(object) ? 0 : EX_IOERR;
}

/* Names that a tenant chose. */
static const char *clean(const char *text, char cell[CELL])
{
    return viv_report_clean(text, cell, CELL);
}

/* ---- cancel ---- */

static int cancelled(const struct viv_client_cancel_reply *reply, const struct viv_options *options)
{
    char line[VIV_REPORT_MAX];
    struct viv_client_response end = {.outcome = VIV_CLIENT_OUTCOME_CANCELLED,
                                      .receipt = reply->receipt};

    if (reply->state == VIV_CLIENT_CANCEL_NOT_FOUND) {
        fprintf(stderr,
                "viv: no execution %s now; if one of that name begins within 10 s, it is "
                "cancelled\n",
                options->id);
        return VIV_EXIT_RAISED;
    }
    if (!reply->receipt) {
        puts(reply->state == VIV_CLIENT_CANCEL_FINISHED ? "finished" : "cancelling");
        return 0;
    }
    if (reply->receipt->delivery == VIV_CLIENT_DELIVERY_TOO_LATE) {
        puts("finished by itself before the cancel reached it");
        return 0;
    }
    viv_report_end(&end, options->reason != NULL, line);
    puts(line);
    return 0;
}

int viv_command_cancel(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_cancel request = {.execution_id = options->id,
                                        .reason = options->reason,
                                        .force = options->force,
                                        .wait = options->wait};
    struct viv_client_cancel_reply *reply;
    struct viv_error err;
    int status;

    if (viv_client_cancel(client, &request, &reply, &err))
        return viv_command_failed(client, options, &err);
    if (options->json) {
        status = print_or_fail(viv_json_cancel(reply));
        if (!status && reply->state == VIV_CLIENT_CANCEL_NOT_FOUND)
            status = VIV_EXIT_RAISED;
    } else {
        status = cancelled(reply, options);
    }
    viv_client_cancel_reply_free(reply);
    return status;
}

/* ---- ps ---- */

static void print_executions(const struct viv_client_list_reply *reply)
{
    char id[CELL];
    char file[CELL];
    char time[32];

    if (!reply->count)
        return;
    printf("%-24s %-10s %10s  %s\n", "EXECUTION", "STATE", "RUNNING", "FILE");
    for (size_t i = 0; i < reply->count; i++) {
        const struct viv_client_execution *e = &reply->executions[i];

        viv_report_time(e->running_ns, time, sizeof(time));
        printf("%-24s %-10s %10s  %s\n", clean(e->execution_id, id),
               viv_client_execution_state_name(e->state),
               e->state == VIV_CLIENT_QUEUED ? "-" : time, clean(e->filename, file));
    }
}

int viv_command_ps(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_list_reply *reply;
    struct viv_error err;
    int status = 0;

    if (viv_client_list(client, 0, &reply, &err))
        return viv_command_failed(client, options, &err);
    if (options->json)
        status = print_or_fail(viv_json_list(reply));
    else
        print_executions(reply);
    viv_client_list_reply_free(reply);
    return status;
}

/* ---- describe ---- */

#define WIDTH 80
#define TITLE 18

/* In as many lines as it takes. */
static void print_names(const char *title, const char *const *names, size_t count)
{
    size_t column = TITLE;

    printf("%-*s", TITLE, title);
    for (size_t i = 0; i < count; i++) {
        if (column > TITLE && column + 1 + strlen(names[i]) >= WIDTH) {
            printf("\n%-*s", TITLE, "");
            column = TITLE;
        }
        column += 1 + strlen(names[i]);
        printf(" %s", names[i]);
    }
    puts(count ? "" : " -");
}

/* Unset stands for what another limit says. */
static void limit_time(int64_t ns, char *text, size_t size)
{
    if (ns)
        viv_report_time(ns, text, size);
    else
        snprintf(text, size, "-");
}

static void limit_count(uint64_t count, char *text, size_t size)
{
    if (count)
        snprintf(text, size, "%llu", (unsigned long long)count);
    else
        snprintf(text, size, "-");
}

static void print_times(const char *title, int64_t by_default, int64_t ceiling)
{
    char from[32];
    char to[32];

    limit_time(by_default, from, sizeof(from));
    limit_time(ceiling, to, sizeof(to));
    printf("  %-16s %16s %16s\n", title, from, to);
}

static void print_counts(const char *title, uint64_t by_default, uint64_t ceiling)
{
    char from[32];
    char to[32];

    limit_count(by_default, from, sizeof(from));
    limit_count(ceiling, to, sizeof(to));
    printf("  %-16s %16s %16s\n", title, from, to);
}

static void print_sizes(const char *title, uint64_t by_default, uint64_t ceiling)
{
    char from[32] = "-";
    char to[32] = "-";

    if (by_default)
        viv_report_size(by_default, from, sizeof(from));
    if (ceiling)
        viv_report_size(ceiling, to, sizeof(to));
    printf("  %-16s %16s %16s\n", title, from, to);
}

static void print_limits(const struct viv_client_limits *d, const struct viv_client_limits *c)
{
    printf("%-18s %16s %16s\n", "limits", "default", "ceiling");
    print_times("wall time", d->wall_time_ns, c->wall_time_ns);
    print_times("CPU time", d->cpu_time_ns, c->cpu_time_ns);
    print_times("cancel grace", d->cancel_grace_ns, c->cancel_grace_ns);
    print_times("cleanup grace", d->cleanup_grace_ns, c->cleanup_grace_ns);
    print_sizes("memory", d->memory_bytes, c->memory_bytes);
    print_sizes("soft memory", d->memory_soft_bytes, c->memory_soft_bytes);
    print_sizes("output", d->output_bytes, c->output_bytes);
    print_counts("processes", d->pids, c->pids);
}

static void print_amount(const char *name, uint64_t bytes)
{
    char size[32] = "any";

    if (bytes)
        viv_report_size(bytes, size, sizeof(size));
    printf("%-18s %s\n", name, size);
}

static void print_quotas(const struct viv_client_description *d)
{
    printf("%-18s %u running, %u queued\n", "executions", d->quota_running, d->quota_queued);
    printf("%-18s weight %u", "share", d->quota_weight);
    if (d->quota_rate > 0)
        printf(", %g a second, %u at once", d->quota_rate, d->quota_burst);
    printf("\n%-18s %u, %u of them on warm workers\n", "sessions", d->quota_sessions,
           d->quota_resident_sessions);
    print_amount("stored", d->quota_stored_bytes);
    print_amount("message", d->quota_message_bytes);
    print_amount("requests together", d->quota_request_bytes);
    print_amount("memory together", d->quota_memory_bytes);
}

static void print_description(const struct viv_client_description *d)
{
    printf("%-18s %s\n", "version", d->version);
    printf("%-18s %s\n", "vm", d->vm);
    printf("%-18s %s\n", "tenant", d->tenant);
    print_names("layers", d->enforcement.layers, d->enforcement.layer_count);
    print_names("absent layers", d->enforcement.absent, d->enforcement.absent_count);
    printf("%-18s %s\n", "isolation", viv_json_isolation_name(d->isolation));
    print_names("worker profiles", d->worker_profiles, d->worker_profile_count);
    printf("%-18s %u idle, %u busy, at most %u; %u waiting\n", "workers", d->pool_idle,
           d->pool_busy, d->pool_ceiling, d->pool_queued);
    print_quotas(d);
    print_limits(&d->defaults, &d->ceilings);
}

int viv_command_describe(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_description *description;
    struct viv_error err;
    int status = 0;

    if (viv_client_describe(client, 0, &description, &err))
        return viv_command_failed(client, options, &err);
    if (options->json)
        status = print_or_fail(viv_json_description(description));
    else
        print_description(description);
    viv_client_description_free(description);
    return status;
}
