/* The numbers behind metrics.h: metrics.c writes them, metrics_text.c reads. */
#ifndef VIVARIUM_SERVICE_METRICS_DATA_H
#define VIVARIUM_SERVICE_METRICS_DATA_H

#include <stdatomic.h>

#include "supervisor/service/metrics.h"

#define TIME_BUCKETS 18
#define SIZE_BUCKETS 12
#define OUTCOMES 10 /* by their values; 0: one that has no name here */
#define CAUSES 12
#define DELIVERIES 4

typedef _Atomic uint64_t metrics_counter;

struct metrics_times {
    metrics_counter buckets[TIME_BUCKETS];
    metrics_counter sum_ns;
};

struct metrics_sizes {
    metrics_counter buckets[SIZE_BUCKETS];
    metrics_counter sum;
};

struct metrics_tenant {
    char name[VIV_ID_MAX + 1];
    metrics_counter outcomes[OUTCOMES];
    metrics_counter rejected[METRICS_CODES];
    metrics_counter request_bytes, output_bytes, cpu_ns;
    struct metrics_times queue, run;
    struct metrics_sizes memory;
};

struct metrics_method {
    const char *path;
    metrics_counter started;
    metrics_counter ended[METRICS_CODES];
};

struct metrics_data {
    _Atomic unsigned tenant_count;
    struct metrics_tenant tenants[METRICS_TENANTS + 1]; /* the last: others */
    struct metrics_method methods[METRICS_METHODS];
    metrics_counter auth_failures[AUTH_FAILURES];
    metrics_counter connections_accepted, connections_refused, connections_cut;
    metrics_counter cancels[CAUSES][DELIVERIES];
    struct metrics_times cancel_latency[DELIVERIES];
    metrics_counter audit_written, audit_failed;
    metrics_counter loads[2];
    _Atomic int64_t loaded_s, certificate_expires_s;
};

extern struct metrics_data metrics_data;

/* The upper bound of a bucket: nanoseconds, bytes; the last has INT64_MAX. */
int64_t metrics_time_bound(unsigned bucket);
int64_t metrics_size_bound(unsigned bucket);

#endif
