#include "supervisor/stats.h"

#include "supervisor/supervisor.h"

static const int64_t bounds[VIV_STATS_BUCKETS - 1] = {
    INT64_C(100000),   INT64_C(250000),    INT64_C(500000),     INT64_C(1000000),
    INT64_C(2500000),  INT64_C(5000000),   INT64_C(10000000),   INT64_C(25000000),
    INT64_C(50000000), INT64_C(100000000), INT64_C(1000000000),
};

int64_t viv_stats_bound(unsigned bucket)
{
    return bucket < VIV_STATS_BUCKETS - 1 ? bounds[bucket] : INT64_MAX;
}

static void set(_Atomic uint64_t *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void observe(struct stats_histogram *h, int64_t ns)
{
    unsigned bucket = 0;

    while (ns > viv_stats_bound(bucket))
        bucket++;
    stats_count(&h->buckets[bucket]);
    atomic_fetch_add_explicit(&h->sum_ns, (uint64_t)ns, memory_order_relaxed);
}

void stats_publish(struct viv_supervisor *s)
{
    struct stats *stats = &s->stats;

    set(&stats->workers[VIV_STATS_STARTING], s->starting_count);
    set(&stats->workers[VIV_STATS_IDLE], s->idle_count);
    set(&stats->workers[VIV_STATS_BUSY], s->busy_count);
    set(&stats->workers[VIV_STATS_ENDING], s->ending_count);
    set(&stats->queued, s->fair.queued);
    set(&stats->running, s->running_count);
}

void stats_worker_moved(struct stats *stats, enum worker_state from, enum worker_state to,
                        int64_t ns)
{
    if (from == WORKER_SPAWNING && to == WORKER_STARTING)
        observe(&stats->clone, ns);
    else if (from == WORKER_STARTING && to == WORKER_IDLE)
        observe(&stats->start, ns);
    else if (from == WORKER_SPAWNING || from == WORKER_STARTING)
        stats_count(&stats->starts_failed);
}

void stats_stored(struct stats *stats, unsigned operation, int64_t ns, bool ok)
{
    observe(&stats->store[operation].time, ns);
    if (!ok)
        stats_count(&stats->store[operation].failed);
}

const char *viv_stats_store_name(unsigned operation)
{
    /* As enum session_task_kind has them, from its second on. */
    static const char *const names[VIV_STATS_STORE_OPERATIONS] = {"create", "load",  "fetch", "put",
                                                                  "delete", "leave", "renew"};

    return operation < VIV_STATS_STORE_OPERATIONS ? names[operation] : "other";
}

static void read_histogram(const struct stats_histogram *h, struct viv_stats_histogram *ret)
{
    for (unsigned i = 0; i < VIV_STATS_BUCKETS; i++)
        ret->buckets[i] = get(&h->buckets[i]);
    ret->sum_ns = get(&h->sum_ns);
}

void viv_stats(const struct viv_supervisor *supervisor, struct viv_stats *ret_stats)
{
    const struct stats *stats = &supervisor->stats;
    struct viv_stats r = {0};

    for (unsigned i = 0; i < VIV_STATS_STATES; i++)
        r.workers[i] = get(&stats->workers[i]);
    r.workers_max = supervisor->config.workers_max;
    r.queued = get(&stats->queued);
    r.queue_max = supervisor->config.queue_max;
    r.running = get(&stats->running);
    r.starts_failed = get(&stats->starts_failed);
    r.oom_kills = get(&stats->oom_kills);
    r.convicted = get(&stats->convicted);
    r.zygote_starts = get(&stats->zygote_starts);
    read_histogram(&stats->clone, &r.clone);
    read_histogram(&stats->start, &r.start);
    for (unsigned i = 0; i < VIV_STATS_STORE_OPERATIONS; i++) {
        read_histogram(&stats->store[i].time, &r.store[i].time);
        r.store[i].failed = get(&stats->store[i].failed);
    }
    *ret_stats = r;
}
