/* Version 1: a hierarchy a controller, and a task is in a group of each. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

#define PERIOD_US 100000
#define ONE_PAGE 4096
#define WORTH_RECLAIMING (1u << 20)

static int set_or_lift(int dir, const char *file, uint64_t value)
{
    return value ? viv_cgroup_files_write_number(dir, file, value)
                 : viv_cgroup_files_write(dir, file, "-1");
}

static int set_memory(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    /* Memory with swap may never be the smaller of the two. */
    viv_cgroup_files_write(dirs[PART_MEMORY], "memory.memsw.limit_in_bytes", "-1");
    return set_or_lift(dirs[PART_MEMORY], "memory.limit_in_bytes", limits->memory_bytes);
}

/* Swap would be memory beyond the limit, and what one tenant swaps slows the
 * others down. Kernels started with swapaccount=0 have only swappiness. */
static int set_swap(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    int rc = set_or_lift(dirs[PART_MEMORY], "memory.memsw.limit_in_bytes", limits->memory_bytes);

    if (rc < 0 && errno == ENOENT)
        return viv_cgroup_files_write(dirs[PART_MEMORY], "memory.swappiness", "0");
    return rc;
}

static int set_pids(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return limits->pids ? viv_cgroup_files_write_number(dirs[PART_PIDS], "pids.max", limits->pids)
                        : viv_cgroup_files_write(dirs[PART_PIDS], "pids.max", "max");
}

static int set_cpu_quota(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    return set_or_lift(dirs[PART_CPU], "cpu.cfs_quota_us",
                       (uint64_t)limits->cpu_millis * (PERIOD_US / 1000));
}

static int set_cpu_weight(const int dirs[PARTS], const struct viv_cgroup_limits *limits)
{
    uint64_t weight = limits->cpu_weight ? limits->cpu_weight : 100;
    uint64_t shares = weight * 1024 / 100;

    return viv_cgroup_files_write_number(dirs[PART_CPU], "cpu.shares", shares < 2 ? 2 : shares);
}

static void open_files(struct group *g)
{
    static const struct {
        enum viv_cgroup_part part;
        const char *name;
        int flags;
    } files[KEPT_FILES] = {
        [KEPT_CPU] = {PART_CPUACCT, "cpuacct.usage", O_RDONLY},
        [KEPT_PEAK] = {PART_MEMORY, "memory.max_usage_in_bytes", O_RDWR},
        [KEPT_KILLS] = {PART_MEMORY, "memory.oom_control", O_RDONLY},
        [KEPT_MEMORY] = {PART_MEMORY, "memory.usage_in_bytes", O_RDONLY},
        [KEPT_EMPTY] = {PART_PIDS, "pids.current", O_RDONLY},
    };

    for (unsigned i = 0; i < KEPT_FILES; i++) {
        int dir = g->dirs[files[i].part];

        g->kept[i] = dir < 0 ? -1 : openat(dir, files[i].name, files[i].flags | O_CLOEXEC);
    }
}

static void read_counters(const struct group *g, struct viv_cgroup_usage *u)
{
    static const char *const kills[] = {"oom_kill"};

    viv_cgroup_files_kept_number(g->kept[KEPT_CPU], &u->cpu_ns);
    viv_cgroup_files_kept_fields(g->kept[KEPT_KILLS], kills, 1, &u->oom_kills);
}

/* With swap at 0 it is memory with swap that meets its limit first, and recent
 * kernels (seen with 6.18) don't count that in any failcnt; the peak tells. */
static void read_peak(const struct group *g, struct viv_cgroup_usage *u)
{
    viv_cgroup_files_kept_number(g->kept[KEPT_PEAK], &u->memory_peak_bytes);
    u->memory_limit_hits = g->limits.memory_bytes > 0 &&
                           u->memory_peak_bytes + ONE_PAGE >= g->limits.memory_bytes;
}

static void read_events(const struct group *g, struct viv_cgroup_usage *u)
{
    viv_cgroup_files_kept_number(g->kept[KEPT_MEMORY], &u->memory_bytes);
    viv_cgroup_files_kept_number(g->kept[KEPT_EMPTY], &u->tasks);
    if (g->dirs[PART_PIDS] >= 0)
        viv_cgroup_files_field(g->dirs[PART_PIDS], "pids.events", "max", &u->pids_refused);
    if (g->dirs[PART_CPU] >= 0) {
        viv_cgroup_files_field(g->dirs[PART_CPU], "cpu.stat", "nr_throttled",
                               &u->throttled_periods);
        viv_cgroup_files_field(g->dirs[PART_CPU], "cpu.stat", "throttled_time", &u->throttled_ns);
    }
}

static int any_dir(const struct group *g)
{
    for (unsigned i = 0; i < PARTS; i++)
        if (g->dirs[i] >= 0)
            return g->dirs[i];
    return -1;
}

static int is_empty(const struct group *g, bool *ret)
{
    char text[VIV_CGROUP_FILE];
    uint64_t tasks;
    ssize_t n;

    if (g->kept[KEPT_EMPTY] >= 0) {
        if (viv_cgroup_files_kept_number(g->kept[KEPT_EMPTY], &tasks) < 0)
            return -1;
        *ret = tasks == 0;
        return 0;
    }
    n = viv_cgroup_files_read(any_dir(g), "cgroup.procs", text);
    if (n < 0)
        return -1;
    *ret = n == 0;
    return 0;
}

/* What can't fork can't outrun a loop that kills. The freezer would do the same
 * for one more hierarchy to enter, and would hold back the dying as well. */
static int kill_all(const struct group *g)
{
    if (g->dirs[PART_PIDS] >= 0 && viv_cgroup_files_write(g->dirs[PART_PIDS], "pids.max", "0") < 0)
        return -1;
    viv_cgroup_files_kill(any_dir(g));
    return 0;
}

static int restart_peak(struct group *g)
{
    return g->kept[KEPT_PEAK] < 0 || pwrite(g->kept[KEPT_PEAK], "0", 1, 0) == 1 ? 0 : -1;
}

/* File pages that the last execution touched first are still charged here, and
 * would be in the next one's peak. */
static int renew(struct group *g)
{
    uint64_t used = 0;

    viv_cgroup_files_kept_number(g->kept[KEPT_MEMORY], &used);
    if (used > WORTH_RECLAIMING)
        viv_cgroup_files_write(g->dirs[PART_MEMORY], "memory.force_empty", "0");
    return restart_peak(g);
}

static void open_tenant(const int dirs[PARTS])
{
}

/* cpu and cpuacct are often one hierarchy: entered once. */
static bool same_as_last(const int dirs[PARTS], unsigned i)
{
    struct stat a, b;

    return i > 0 && dirs[i - 1] >= 0 && fstat(dirs[i], &a) == 0 && fstat(dirs[i - 1], &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* "tasks" and not "cgroup.procs": for a lone thread that moves itself the
 * kernel skips its global lock. Whose right it is, is asked of who opened it. */
static void entrance(const struct group *g, struct viv_cgroup_entrance *ret)
{
    for (unsigned i = 0; i < PARTS; i++) {
        int fd;

        if (g->dirs[i] < 0 || same_as_last(g->dirs, i))
            continue;
        fd = openat(g->dirs[i], "tasks", O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
            ret->doors[ret->door_count++] = fd;
    }
}

const struct viv_cgroup_version viv_cgroup_v1 = {
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
