/* Version 2: one hierarchy with all controllers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

#define WORTH_RECLAIMING (1u << 20)

static int set_or_lift(int dir, const char *file, uint64_t value)
{
    return value ? viv_cgroup_files_write_number(dir, file, value)
                 : viv_cgroup_files_write(dir, file, "max");
}

static int set_memory(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return set_or_lift(dirs[PART_ONLY], "memory.max", limits->memory_bytes);
}

static int set_swap(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return viv_cgroup_files_write(dirs[PART_ONLY], "memory.swap.max",
                                  limits->memory_bytes ? "0" : "max");
}

static int set_pids(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return set_or_lift(dirs[PART_ONLY], "pids.max", limits->pids);
}

static int set_cpu_quota(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    char text[32];

    if (!limits->cpu_millis)
        return viv_cgroup_files_write(dirs[PART_ONLY], "cpu.max", "max");
    snprintf(text, sizeof(text), "%llu 100000", (unsigned long long)limits->cpu_millis * 100);
    return viv_cgroup_files_write(dirs[PART_ONLY], "cpu.max", text);
}

static int set_cpu_weight(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return viv_cgroup_files_write_number(dirs[PART_ONLY], "cpu.weight",
                                         limits->cpu_weight ? limits->cpu_weight : 100);
}

/* memory.peak is the only one that wants writing, and only where it can be
 * reset does the kernel let it be opened so. */
static void open_files(struct group *g)
{
    int dir = g->dirs[PART_ONLY];

    for (unsigned i = 0; i < KEPT_FILES; i++)
        g->kept[i] = -1;
    g->kept[KEPT_CPU] = openat(dir, "cpu.stat", O_RDONLY | O_CLOEXEC);
    g->kept[KEPT_PEAK] = openat(dir, "memory.peak", O_RDWR | O_CLOEXEC);
    if (g->kept[KEPT_PEAK] < 0)
        g->kept[KEPT_PEAK] = openat(dir, "memory.peak", O_RDONLY | O_CLOEXEC);
    g->kept[KEPT_KILLS] = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
    g->kept[KEPT_MEMORY] = openat(dir, "memory.current", O_RDONLY | O_CLOEXEC);
    g->kept[KEPT_EMPTY] = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
}

static void read_counters(const struct group *g, struct viv_cgroup_usage *u)
{
    static const char *const cpu_keys[] = {"usage_usec"};
    static const char *const memory_keys[] = {"max", "oom_kill"};
    uint64_t cpu_us = 0, memory[2] = {0};

    viv_cgroup_files_kept_fields(g->kept[KEPT_CPU], cpu_keys, 1, &cpu_us);
    viv_cgroup_files_kept_fields(g->kept[KEPT_KILLS], memory_keys, 2, memory);
    u->cpu_ns = cpu_us * 1000;
    u->memory_limit_hits = memory[0];
    u->oom_kills = memory[1];
}

static void read_peak(const struct group *g, struct viv_cgroup_usage *u)
{
    viv_cgroup_files_kept_number(g->kept[KEPT_PEAK], &u->memory_peak_bytes);
}

static void read_events(const struct group *g, struct viv_cgroup_usage *u)
{
    static const char *const cpu_keys[] = {"nr_throttled", "throttled_usec"};
    uint64_t cpu[2] = {0};
    int dir = g->dirs[PART_ONLY];

    viv_cgroup_files_kept_fields(g->kept[KEPT_CPU], cpu_keys, 2, cpu);
    u->throttled_periods = cpu[0];
    u->throttled_ns = cpu[1] * 1000;
    viv_cgroup_files_kept_number(g->kept[KEPT_MEMORY], &u->memory_bytes);
    viv_cgroup_files_number(dir, "pids.current", &u->tasks);
    viv_cgroup_files_field(dir, "pids.events", "max", &u->pids_refused);
}

static int is_empty(const struct group *g, bool *ret)
{
    static const char *const keys[] = {"populated"};
    uint64_t populated = 1;

    if (viv_cgroup_files_kept_fields(g->kept[KEPT_EMPTY], keys, 1, &populated) < 0)
        return -1;
    *ret = populated == 0;
    return 0;
}

/* cgroup.kill (Linux 5.14) takes everybody in one step, forks included. */
static int kill_all(const struct group *g)
{
    int dir = g->dirs[PART_ONLY];

    if (viv_cgroup_files_write(dir, "cgroup.kill", "1") == 0)
        return 0;
    if (viv_cgroup_files_write(dir, "pids.max", "0") < 0 && errno != ENOENT)
        return -1;
    viv_cgroup_files_kill(dir);
    return 0;
}

/* Since Linux 6.12, for who holds it open. */
static int restart_peak(struct group *g)
{
    int fd = g->kept[KEPT_PEAK];

    return fd >= 0 && pwrite(fd, "reset\n", 6, 0) == 6 ? 0 : -1;
}

static int renew(struct group *g)
{
    int dir = g->dirs[PART_ONLY];
    uint64_t used = 0;

    viv_cgroup_files_kept_number(g->kept[KEPT_MEMORY], &used);
    if (used > WORTH_RECLAIMING)
        viv_cgroup_files_write_number(dir, "memory.reclaim", used);
    return restart_peak(g);
}

static void open_tenant(const int dirs[PARTS])
{
    static const char *const wanted[] = {"memory", "pids", "cpu"};

    /* One that the root lacks is a finding already. */
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        viv_cgroup_enable_below(dirs[PART_ONLY], wanted[i]);
}

static void entrance(const struct group *g, struct viv_cgroup_entrance *ret)
{
    ret->directory = g->dirs[PART_ONLY];
}

const struct viv_cgroup_version viv_cgroup_v2 = {
    .set = {[VIV_CGROUP_MEMORY] = set_memory,
            [VIV_CGROUP_SWAP] = set_swap,
            [VIV_CGROUP_PIDS] = set_pids,
            [VIV_CGROUP_CPU_QUOTA] = set_cpu_quota,
            [VIV_CGROUP_CPU_WEIGHT] = set_cpu_weight},
    .open_files = open_files,
    .counters = read_counters,
    .peak = read_peak,
    .events = read_events,
    .empty = is_empty,
    .kill = kill_all,
    .restart_peak = restart_peak,
    .renew = renew,
    .open_tenant = open_tenant,
    .entrance = entrance,
};
