#include "supervisor/service/metrics.h"

#include <pthread.h>
#include <string.h>

#include "supervisor/service/metrics_data.h"

struct metrics_data metrics_data = {.tenants[METRICS_TENANTS].name = "other"};

#define MS(n) ((n)*INT64_C(1000000))
#define MIB(n) ((int64_t)(n) << 20)

int64_t metrics_time_bound(unsigned bucket)
{
    static const int64_t bounds[TIME_BUCKETS - 1] = {
        MS(1) / 4, MS(1) / 2, MS(1),     MS(5) / 2, MS(5),     MS(10),
        MS(25),    MS(50),    MS(100),   MS(250),   MS(500),   MS(1000),
        MS(2500),  MS(5000),  MS(10000), MS(30000), MS(300000)};

    return bucket < TIME_BUCKETS - 1 ? bounds[bucket] : INT64_MAX;
}

int64_t metrics_size_bound(unsigned bucket)
{
    static const int64_t bounds[SIZE_BUCKETS - 1] = {MIB(8),    MIB(16),   MIB(32),  MIB(64),
                                                     MIB(128),  MIB(256),  MIB(512), MIB(1024),
                                                     MIB(2048), MIB(4096), MIB(8192)};

    return bucket < SIZE_BUCKETS - 1 ? bounds[bucket] : INT64_MAX;
}

static void add(metrics_counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void observe_time(struct metrics_times *t, int64_t ns)
{
    unsigned bucket = 0;

    ns = ns > 0 ? ns : 0;
    while (ns > metrics_time_bound(bucket))
        bucket++;
    add(&t->buckets[bucket], 1);
    add(&t->sum_ns, (uint64_t)ns);
}

static void observe_size(struct metrics_sizes *s, uint64_t bytes)
{
    unsigned bucket = 0;

    while (bucket < SIZE_BUCKETS - 1 && bytes > (uint64_t)metrics_size_bound(bucket))
        bucket++;
    add(&s->buckets[bucket], 1);
    add(&s->sum, bytes);
}

static struct metrics_tenant *find(const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(metrics_data.tenants[i].name, name) == 0)
            return &metrics_data.tenants[i];
    return NULL;
}

/* Those that are there are never changed, so they are read without the lock. */
static struct metrics_tenant *tenant(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned count = atomic_load(&metrics_data.tenant_count);
    struct metrics_tenant *t = find(name, count);

    if (t)
        return t;
    if (count == METRICS_TENANTS || strlen(name) > VIV_ID_MAX)
        return &metrics_data.tenants[METRICS_TENANTS];
    pthread_mutex_lock(&lock);
    count = atomic_load(&metrics_data.tenant_count);
    t = find(name, count);
    if (!t && count < METRICS_TENANTS) {
        t = &metrics_data.tenants[count];
        memcpy(t->name, name, strlen(name) + 1);
        atomic_store(&metrics_data.tenant_count, count + 1);
    }
    pthread_mutex_unlock(&lock);
    return t ? t : &metrics_data.tenants[METRICS_TENANTS];
}

void metrics_name_method(size_t method, const char *path)
{
    if (method < METRICS_METHODS)
        metrics_data.methods[method].path = path;
}

void metrics_call_started(size_t method)
{
    if (method < METRICS_METHODS)
        add(&metrics_data.methods[method].started, 1);
}

void metrics_call_ended(size_t method, int code)
{
    if (method < METRICS_METHODS && code >= 0 && code < METRICS_CODES)
        add(&metrics_data.methods[method].ended[code], 1);
}

void metrics_auth_failed(enum auth_failure failure)
{
    add(&metrics_data.auth_failures[failure], 1);
}

void metrics_connection_accepted(void)
{
    add(&metrics_data.connections_accepted, 1);
}

void metrics_connection_refused(void)
{
    add(&metrics_data.connections_refused, 1);
}

void metrics_connection_cut(void)
{
    add(&metrics_data.connections_cut, 1);
}

void metrics_execution_bytes(const char *name, uint64_t request_bytes)
{
    add(&tenant(name)->request_bytes, request_bytes);
}

static void count_cancel(const struct viv_receipt *r)
{
    unsigned cause = (unsigned)r->cause < CAUSES ? (unsigned)r->cause : 0;
    unsigned delivery = (unsigned)r->delivery < DELIVERIES ? (unsigned)r->delivery : 0;
    int64_t end = r->killed_ns ? r->killed_ns : r->unwound_ns;

    add(&metrics_data.cancels[cause][delivery], 1);
    if (end > 0 && r->requested_ns > 0)
        observe_time(&metrics_data.cancel_latency[delivery], end - r->requested_ns);
}

void metrics_execution_ended(const char *name, const struct viv_result *r)
{
    struct metrics_tenant *t = tenant(name);

    add(&t->outcomes[(unsigned)r->outcome < OUTCOMES ? (unsigned)r->outcome : 0], 1);
    add(&t->output_bytes, r->usage.stdout_bytes + r->usage.stderr_bytes);
    add(&t->cpu_ns, (uint64_t)(r->usage.user_cpu_ns + r->usage.system_cpu_ns));
    observe_time(&t->queue, r->usage.queue_ns);
    observe_time(&t->run, r->usage.wall_ns);
    if (r->usage.peak_memory_bytes > 0)
        observe_size(&t->memory, r->usage.peak_memory_bytes);
    if (r->receipt)
        count_cancel(r->receipt);
}

void metrics_execution_rejected(const char *name, enum viv_status status)
{
    if ((unsigned)status < METRICS_CODES)
        add(&tenant(name)->rejected[status], 1);
}

void metrics_audit_written(void)
{
    add(&metrics_data.audit_written, 1);
}

void metrics_audit_failed(void)
{
    add(&metrics_data.audit_failed, 1);
}

void metrics_loaded(bool ok, int64_t now_s)
{
    add(&metrics_data.loads[ok], 1);
    if (ok)
        atomic_store(&metrics_data.loaded_s, now_s);
}

void metrics_certificate_expires(int64_t expires_s)
{
    atomic_store(&metrics_data.certificate_expires_s, expires_s);
}
