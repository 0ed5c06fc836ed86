/* What is counted for viv_stats(): written on the reactor, read by any thread
 * without a lock. */
#ifndef VIVARIUM_STATS_H
#define VIVARIUM_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "supervisor/vivarium.h"
#include "supervisor/worker_state.h"

struct viv_supervisor;

struct stats_histogram {
    _Atomic uint64_t buckets[VIV_STATS_BUCKETS];
    _Atomic uint64_t sum_ns;
};

struct stats {
    _Atomic uint64_t workers[VIV_STATS_STATES];
    _Atomic uint64_t queued, running;
    _Atomic uint64_t starts_failed, convicted, zygote_starts, oom_kills;
    struct stats_histogram clone, start;
    struct {
        struct stats_histogram time;
        _Atomic uint64_t failed;
    } store[VIV_STATS_STORE_OPERATIONS];
};

/* Once a turn of the reactor: the counts that it keeps anyway. */
void stats_publish(struct viv_supervisor *supervisor);

/* A worker that has been in `from` for so long goes on to `to`. */
void stats_worker_moved(struct stats *stats, enum worker_state from, enum worker_state to,
                        int64_t ns);

/* An operation of the store took so long. On its thread. */
void stats_stored(struct stats *stats, unsigned operation, int64_t ns, bool ok);

static inline void stats_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void stats_count(_Atomic uint64_t *counter)
{
    stats_add(counter, 1);
}

#endif
