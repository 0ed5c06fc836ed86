#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/metrics_data.h"
#include "supervisor/service/metrics_process.h"

#define NS 1e9

/* Prometheus' text format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void family(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static unsigned long long get(const metrics_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* `labels` is "" or `name="value",...`. */
static void value(FILE *f, const char *name, const char *labels, double number)
{
    if (*labels)
        fprintf(f, "%s{%s} %.17g\n", name, labels, number);
    else
        fprintf(f, "%s %.17g\n", name, number);
}

static void single(FILE *f, const char *name, const char *type, const char *help, double number)
{
    family(f, name, type, help);
    value(f, name, "", number);
}

/* A histogram; `bounds` in units of `unit`. */
static void histogram(FILE *f, const char *name, const char *labels, const metrics_counter *buckets,
                      unsigned count, int64_t (*bound)(unsigned), double unit, double sum)
{
    const char *comma = *labels ? "," : "";
    unsigned long long below = 0;

    for (unsigned i = 0; i < count; i++) {
        below += get(&buckets[i]);
        if (i < count - 1)
            fprintf(f, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma,
                    (double)bound(i) / unit, below);
        else
            fprintf(f, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, below);
    }
    if (*labels)
        fprintf(f, "%s_sum{%s} %.17g\n%s_count{%s} %llu\n", name, labels, sum, name, labels, below);
    else
        fprintf(f, "%s_sum %.17g\n%s_count %llu\n", name, sum, name, below);
}

static void times(FILE *f, const char *name, const char *labels, const struct metrics_times *t)
{
    histogram(f, name, labels, t->buckets, TIME_BUCKETS, metrics_time_bound, NS,
              (double)get(&t->sum_ns) / NS);
}

/* The next tenant that has a series: those there are, then "other" where there
 * may be any. */
static const struct metrics_tenant *next_tenant(unsigned *at, char label[VIV_ID_MAX + 16])
{
    unsigned count = atomic_load(&metrics_data.tenant_count), i = (*at)++;

    if (i >= count)
        i = METRICS_TENANTS + (i - count);
    if (i > METRICS_TENANTS || (i == METRICS_TENANTS && count < METRICS_TENANTS))
        return NULL;
    snprintf(label, VIV_ID_MAX + 16, "tenant=\"%s\"", metrics_data.tenants[i].name);
    return &metrics_data.tenants[i];
}

#define FOR_TENANTS(t, label) for (unsigned at_ = 0; ((t) = next_tenant(&at_, (label))) != NULL;)

static void outcomes(FILE *f)
{
    const struct metrics_tenant *t;
    char label[VIV_ID_MAX + 16], labels[VIV_ID_MAX + 64];

    family(f, "vivarium_executions_total", "counter", "Executions that have ended, by outcome.");
    FOR_TENANTS(t, label)
    for (unsigned o = 1; o < OUTCOMES; o++) {
        snprintf(labels, sizeof(labels), "%s,outcome=\"%s\"", label,
                 viv_outcome_name((enum viv_outcome)o));
        value(f, "vivarium_executions_total", labels, (double)get(&t->outcomes[o]));
    }
    family(f, "vivarium_executions_rejected_total", "counter",
           "Executions that were not run, by status code.");
    FOR_TENANTS(t, label)
    for (unsigned c = 1; c < METRICS_CODES; c++) {
        if (get(&t->rejected[c]) == 0)
            continue;
        snprintf(labels, sizeof(labels), "%s,code=\"%s\"", label, metrics_code_name(c));
        value(f, "vivarium_executions_rejected_total", labels, (double)get(&t->rejected[c]));
    }
}

static void execution_times(FILE *f)
{
    const struct metrics_tenant *t;
    char label[VIV_ID_MAX + 16];

    family(f, "vivarium_execution_queue_seconds", "histogram",
           "How long executions waited for a worker.");
    FOR_TENANTS(t, label) times(f, "vivarium_execution_queue_seconds", label, &t->queue);
    family(f, "vivarium_execution_run_seconds", "histogram", "How long executions ran.");
    FOR_TENANTS(t, label) times(f, "vivarium_execution_run_seconds", label, &t->run);
    family(f, "vivarium_execution_cpu_seconds_total", "counter",
           "Processor time of executions, user and system.");
    FOR_TENANTS(t, label)
    value(f, "vivarium_execution_cpu_seconds_total", label, (double)get(&t->cpu_ns) / NS);
}

static void execution_bytes(FILE *f)
{
    const struct metrics_tenant *t;
    char label[VIV_ID_MAX + 16];

    family(f, "vivarium_execution_memory_peak_bytes", "histogram",
           "The most memory that an execution had.");
    FOR_TENANTS(t, label)
    histogram(f, "vivarium_execution_memory_peak_bytes", label, t->memory.buckets, SIZE_BUCKETS,
              metrics_size_bound, 1, (double)get(&t->memory.sum));
    family(f, "vivarium_execution_request_bytes_total", "counter",
           "Code, standard input and scope of the executions asked for.");
    FOR_TENANTS(t, label)
    value(f, "vivarium_execution_request_bytes_total", label, (double)get(&t->request_bytes));
    family(f, "vivarium_execution_output_bytes_total", "counter",
           "What executions wrote to standard output and error.");
    FOR_TENANTS(t, label)
    value(f, "vivarium_execution_output_bytes_total", label, (double)get(&t->output_bytes));
}

static const char *const deliveries[DELIVERIES] = {"none", "cooperative", "killed", "too_late"};

static void cancels(FILE *f)
{
    char labels[96];

    family(f, "vivarium_cancellations_total", "counter",
           "Executions that were cancelled, by cause and by how that ended.");
    for (unsigned c = 1; c < CAUSES; c++)
        for (unsigned d = 0; d < DELIVERIES; d++) {
            if (get(&metrics_data.cancels[c][d]) == 0 && d == 0)
                continue;
            snprintf(labels, sizeof(labels), "cause=\"%s\",delivery=\"%s\"",
                     viv_cause_name((enum viv_cause)c), deliveries[d]);
            value(f, "vivarium_cancellations_total", labels,
                  (double)get(&metrics_data.cancels[c][d]));
        }
    family(f, "vivarium_cancel_latency_seconds", "histogram",
           "From the wish to cancel to the code's having unwound or being killed.");
    for (unsigned d = 1; d <= 2; d++) {
        snprintf(labels, sizeof(labels), "delivery=\"%s\"", deliveries[d]);
        times(f, "vivarium_cancel_latency_seconds", labels, &metrics_data.cancel_latency[d]);
    }
}

/* Splits "/package.Service/Method"; the row without a path is every other. */
static void method_labels(const struct metrics_method *m, char *labels, size_t size)
{
    const char *path = m->path ? m->path : "/unknown/unknown";
    const char *method = strrchr(path, '/');

    snprintf(labels, size, "grpc_service=\"%.*s\",grpc_method=\"%s\"", (int)(method - path - 1),
             path + 1, method + 1);
}

/* The names of the gRPC middlewares that others know. */
static void calls(FILE *f)
{
    char labels[160], all[224];

    family(f, "grpc_server_started_total", "counter", "Calls that have begun.");
    for (unsigned i = 0; i < METRICS_METHODS; i++) {
        const struct metrics_method *m = &metrics_data.methods[i];

        method_labels(m, labels, sizeof(labels));
        if (m->path || get(&m->started) > 0)
            value(f, "grpc_server_started_total", labels, (double)get(&m->started));
    }
    family(f, "grpc_server_handled_total", "counter", "Calls that have ended, by status code.");
    for (unsigned i = 0; i < METRICS_METHODS; i++)
        for (unsigned c = 0; c < METRICS_CODES; c++) {
            const struct metrics_method *m = &metrics_data.methods[i];

            if (get(&m->ended[c]) == 0 && (c != 0 || !m->path))
                continue;
            method_labels(m, labels, sizeof(labels));
            snprintf(all, sizeof(all), "%s,grpc_code=\"%s\"", labels, metrics_code_name(c));
            value(f, "grpc_server_handled_total", all, (double)get(&m->ended[c]));
        }
}

static void library_buckets(FILE *f, const char *name, const char *labels,
                            const struct viv_stats_histogram *h)
{
    metrics_counter buckets[VIV_STATS_BUCKETS];

    for (unsigned i = 0; i < VIV_STATS_BUCKETS; i++)
        atomic_init(&buckets[i], h->buckets[i]);
    histogram(f, name, labels, buckets, VIV_STATS_BUCKETS, viv_stats_bound, NS,
              (double)h->sum_ns / NS);
}

static void library_histogram(FILE *f, const char *name, const char *help,
                              const struct viv_stats_histogram *h)
{
    family(f, name, "histogram", help);
    library_buckets(f, name, "", h);
}

static void workers(FILE *f, const struct viv_stats *s)
{
    static const char *const states[VIV_STATS_STATES] = {
        [VIV_STATS_STARTING] = "state=\"starting\"",
        [VIV_STATS_IDLE] = "state=\"idle\"",
        [VIV_STATS_BUSY] = "state=\"busy\"",
        [VIV_STATS_ENDING] = "state=\"ending\"",
    };

    family(f, "vivarium_workers", "gauge", "Worker processes, by state.");
    for (unsigned i = 0; i < VIV_STATS_STATES; i++)
        value(f, "vivarium_workers", states[i], (double)s->workers[i]);
    single(f, "vivarium_workers_limit", "gauge", "The most worker processes there may be.",
           (double)s->workers_max);
    single(f, "vivarium_queue_length", "gauge", "Executions that wait for a worker.",
           (double)s->queued);
    single(f, "vivarium_queue_limit", "gauge", "The most executions that may wait.",
           (double)s->queue_max);
    single(f, "vivarium_executions_running", "gauge", "Executions that run.", (double)s->running);
    library_histogram(f, "vivarium_worker_clone_seconds",
                      "From asking the zygote for a worker to having its process.", &s->clone);
    library_histogram(f, "vivarium_worker_start_seconds",
                      "From a worker's having a process to its being ready.", &s->start);
    single(f, "vivarium_worker_start_failures_total", "counter", "Workers that never became ready.",
           (double)s->starts_failed);
    single(f, "vivarium_worker_convictions_total", "counter",
           "Workers killed because they broke the protocol.", (double)s->convicted);
    single(f, "vivarium_oom_kills_total", "counter",
           "Processes of executions that the kernel killed for memory, children included.",
           (double)s->oom_kills);
    single(f, "vivarium_zygote_starts_total", "counter",
           "Starts of the process that workers are cloned from.", (double)s->zygote_starts);
}

static void doors(FILE *f, int connections)
{
    char labels[48];

    single(f, "vivarium_connections", "gauge", "Connections that are open.", connections);
    single(f, "vivarium_connections_accepted_total", "counter", "Connections that were taken.",
           (double)get(&metrics_data.connections_accepted));
    single(f, "vivarium_connections_refused_total", "counter",
           "Connections that were closed at once, because there were too many.",
           (double)get(&metrics_data.connections_refused));
    single(f, "vivarium_connections_cut_total", "counter",
           "Connections that were closed for headers without end, or calls without number.",
           (double)get(&metrics_data.connections_cut));
    family(f, "vivarium_authentication_failures_total", "counter",
           "Calls that were turned away for their credentials, by reason.");
    for (unsigned i = 0; i < AUTH_FAILURES; i++) {
        snprintf(labels, sizeof(labels), "reason=\"%s\"", auth_failure_name((enum auth_failure)i));
        value(f, "vivarium_authentication_failures_total", labels,
              (double)get(&metrics_data.auth_failures[i]));
    }
}

static void stores(FILE *f, const struct viv_stats *s)
{
    char labels[64];

    family(f, "vivarium_store_operation_seconds", "histogram",
           "What the store of sessions took, by operation.");
    for (unsigned i = 0; i < VIV_STATS_STORE_OPERATIONS; i++) {
        snprintf(labels, sizeof(labels), "operation=\"%s\"", viv_stats_store_name(i));
        library_buckets(f, "vivarium_store_operation_seconds", labels, &s->store[i].time);
    }
    family(f, "vivarium_store_failures_total", "counter",
           "Operations of the store of sessions that failed.");
    for (unsigned i = 0; i < VIV_STATS_STORE_OPERATIONS; i++) {
        snprintf(labels, sizeof(labels), "operation=\"%s\"", viv_stats_store_name(i));
        value(f, "vivarium_store_failures_total", labels, (double)s->store[i].failed);
    }
}

static void operations(FILE *f)
{
    single(f, "vivarium_audit_lines_total", "counter", "Audit lines that were written.",
           (double)get(&metrics_data.audit_written));
    single(f, "vivarium_audit_failures_total", "counter", "Audit lines that could not be written.",
           (double)get(&metrics_data.audit_failed));
    family(f, "vivarium_config_loads_total", "counter",
           "How often credentials and certificates were read, by result.");
    value(f, "vivarium_config_loads_total", "result=\"ok\"", (double)get(&metrics_data.loads[1]));
    value(f, "vivarium_config_loads_total", "result=\"error\"",
          (double)get(&metrics_data.loads[0]));
    if (atomic_load(&metrics_data.loaded_s) > 0)
        single(f, "vivarium_config_last_load_success_timestamp_seconds", "gauge",
               "When they were last read without an error.",
               (double)atomic_load(&metrics_data.loaded_s));
    if (atomic_load(&metrics_data.certificate_expires_s) > 0)
        single(f, "vivarium_tls_certificate_expiry_timestamp_seconds", "gauge",
               "When the server's certificate ends.",
               (double)atomic_load(&metrics_data.certificate_expires_s));
}

static void write_all(FILE *f, const struct metrics_now *now)
{
    family(f, "vivarium_build_info", "gauge", "Always 1; the labels tell the versions.");
    fprintf(f, "vivarium_build_info{version=\"%s\",grpc_core=\"%s\"} 1\n", VIV_VERSION,
            now->grpc_version);
    single(f, "vivarium_ready", "gauge", "1 while executions are taken.", now->ready);
    outcomes(f);
    execution_times(f);
    execution_bytes(f);
    cancels(f);
    workers(f, &now->stats);
    calls(f);
    doors(f, now->connections);
    stores(f, &now->stats);
    operations(f);
    metrics_process_write(f);
}

int metrics_text(const struct metrics_now *now, char **ret_text, size_t *ret_len,
                 struct viv_error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (!f)
        return viv_fail_errno(err, VIV_RESOURCE_EXHAUSTED, "no memory for the metrics");
    write_all(f, now);
    if (fclose(f) != 0) {
        free(text);
        return viv_fail_errno(err, VIV_RESOURCE_EXHAUSTED, "no memory for the metrics");
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}
