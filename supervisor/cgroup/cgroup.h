/* Control groups, version 1 and 2: what the kernel grants a worker, what it
 * used, and the proof that nothing of it is left.
 *
 *     <own group>/vivarium-<pid>-<n>/<tenant>/<worker>
 *
 * A slot is a number below config.slots, the supervisor's own; it holds at most
 * one group at a time. Of each struct one thread at a time may call. The prefix keeps clear of
 * libcgroup, whose names all begin with cgroup_ (DESIGN.md beside this). */
#ifndef VIVARIUM_CGROUP_H
#define VIVARIUM_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/error.h"

enum viv_cgroup_mode {
    VIV_CGROUP_NONE, /* nothing that we may write: every call but limit works and does nothing */
    VIV_CGROUP_V1,
    VIV_CGROUP_HYBRID, /* the controllers are version 1's, version 2 is mounted beside */
    VIV_CGROUP_V2,
};

/* What a machine may lack one by one. */
enum viv_cgroup_layer {
    VIV_CGROUP_MEMORY,
    VIV_CGROUP_SWAP, /* swap is limited to 0 */
    VIV_CGROUP_PIDS,
    VIV_CGROUP_CPU_QUOTA,
    VIV_CGROUP_CPU_WEIGHT,
    VIV_CGROUP_LAYERS
};

/* Found by trying at viv_cgroup_open(). */
struct viv_cgroup_finding {
    bool present;
    char why[160];    /* what failed, and how; "" where present */
    char remedy[200]; /* what to do about it */
};

struct viv_cgroup_config {
    const char *parent;   /* below each mount point; NULL: the group we are in */
    unsigned slots;       /* at most 65,536 */
    unsigned tenants_max; /* groups of tenants kept at a time; 0: 256 */
    unsigned spare_max;   /* groups kept for reuse beyond those in slots; 0: 16 */
    /* v2: who clones workers into their groups, where that is another user than
     * we are; 0: we ourselves. It gets the right to put processes into them, and
     * we are sure to be in a leaf, which it must be started from. */
    uid_t clone_uid;
};

/* 0: no limit (weight: 100, the kernel's default). */
struct viv_cgroup_limits {
    uint64_t memory_bytes; /* swap is 0 with it */
    uint32_t pids;         /* processes and threads, the worker's init included */
    uint32_t cpu_millis;   /* thousandths of a processor, at least 10 */
    uint32_t cpu_weight;   /* 1 to 10000 */
};

static inline bool viv_cgroup_limits_equal(const struct viv_cgroup_limits *a,
                                           const struct viv_cgroup_limits *b)
{
    return a->memory_bytes == b->memory_bytes && a->pids == b->pids &&
           a->cpu_millis == b->cpu_millis && a->cpu_weight == b->cpu_weight;
}

/* Since viv_cgroup_mark(), except where said. */
struct viv_cgroup_usage {
    uint64_t cpu_ns;
    uint64_t memory_peak_bytes;
    uint64_t memory_limit_hits; /* times that the group's own limit was met */
    /* Processes; some kernels count one of them twice. With memory_limit_hits 0
     * it was its tenant's ceiling. */
    uint64_t oom_kills;
    /* Not in viv_cgroup_spent(). */
    uint64_t memory_bytes; /* now */
    uint64_t tasks;        /* now */
    uint64_t pids_refused; /* these three since the group was made */
    uint64_t throttled_ns;
    uint64_t throttled_periods;
};

/* Descriptors by which a process enters its group without the kernel's global
 * lock. All are the module's own and live until the slot is released. */
#define VIV_CGROUP_DOORS 4

struct viv_cgroup_entrance {
    int directory; /* v2: clone_args.cgroup of CLONE_INTO_CGROUP; else -1 */
    /* v1: the process, single-threaded, writes "0" to each. */
    int doors[VIV_CGROUP_DOORS];
    unsigned door_count;
};

struct viv_cgroup;

/* Finds out where we may write, removes what dead supervisors left there, makes
 * our own root. On v2 it may move the calling process into a leaf; call it
 * before any other process is started. Lacking layers are no error: see
 * viv_cgroup_finding(). The caller owns *ret and ends it by viv_cgroup_close(). */
int viv_cgroup_open(const struct viv_cgroup_config *config, struct viv_cgroup **ret,
                    struct viv_error *err);

/* Removes every group, killing what is left in one. NULL is fine. */
void viv_cgroup_close(struct viv_cgroup *cg);

enum viv_cgroup_mode viv_cgroup_mode(const struct viv_cgroup *cg);

/* Static texts: "cgroup_memory", "v2". */
const char *viv_cgroup_layer_name(enum viv_cgroup_layer layer);
const char *viv_cgroup_mode_name(enum viv_cgroup_mode mode);

/* Lives as long as `cg`. */
const struct viv_cgroup_finding *viv_cgroup_finding(const struct viv_cgroup *cg,
                                                    enum viv_cgroup_layer layer);

/* The ceiling over all workers of a tenant; holds until it is set again. One that is new
 * needs it set: its group may have been another's. */
int viv_cgroup_tenant(struct viv_cgroup *cg, const char *tenant,
                      const struct viv_cgroup_limits *limits, struct viv_error *err);

/* Gives the slot an empty group of this tenant, a used one where there is one.
 * What the slot held is released first. Its limits and counters are those of
 * before: viv_cgroup_limit() comes next, and viv_cgroup_mark() where the
 * counting is to begin. */
int viv_cgroup_prepare(struct viv_cgroup *cg, unsigned slot, const char *tenant,
                       struct viv_error *err);

/* Of layers that are absent it sets nothing, nor what is set already. A quota above the tenant's is the
 * tenant's. VIV_RESOURCE_EXHAUSTED: the group holds more memory than that. */
int viv_cgroup_limit(struct viv_cgroup *cg, unsigned slot, const struct viv_cgroup_limits *limits,
                     struct viv_error *err);

/* Without a group both are empty: directory -1, no doors. */
void viv_cgroup_entrance(const struct viv_cgroup *cg, unsigned slot,
                         struct viv_cgroup_entrance *ret);

/* Moves a process from outside. Waits for a grace period of the whole kernel,
 * 10 ms and more: not for the critical path. */
int viv_cgroup_attach(struct viv_cgroup *cg, unsigned slot, pid_t pid, struct viv_error *err);

/* Counters are at 0 from here on, also in a group that lives on; there the peak
 * is that of before where the kernel can't set it back (v2 before Linux 6.12). */
int viv_cgroup_mark(struct viv_cgroup *cg, unsigned slot, struct viv_error *err);

int viv_cgroup_usage(const struct viv_cgroup *cg, unsigned slot, struct viv_cgroup_usage *ret,
                     struct viv_error *err);

/* Whether a group's own count of CPU time is there to be read. */
bool viv_cgroup_counts_cpu(const struct viv_cgroup *cg, unsigned slot);

/* What every execution is asked for, from files that are kept open. */
int viv_cgroup_spent(const struct viv_cgroup *cg, unsigned slot, struct viv_cgroup_usage *ret,
                     struct viv_error *err);

/* Whether no task is left, zombies included on v1. */
int viv_cgroup_empty(const struct viv_cgroup *cg, unsigned slot, bool *ret, struct viv_error *err);

/* SIGKILL to all that is in it, and no forks from here on. Doesn't wait: ask
 * viv_cgroup_empty(), and on v1 call it again while that says no. */
int viv_cgroup_kill(struct viv_cgroup *cg, unsigned slot, struct viv_error *err);

/* The slot's group is kept for its tenant or removed. VIV_FAILED_PRECONDITION
 * while somebody is in it. An empty slot is fine. */
int viv_cgroup_release(struct viv_cgroup *cg, unsigned slot, struct viv_error *err);

#endif
