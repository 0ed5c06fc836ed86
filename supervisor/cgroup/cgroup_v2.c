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

static uint64_t field_ns(const char *text, size_t len, const char *key)
{
    uint64_t us = 0;

    viv_cgroup_text_field(text, len, key, &us);
    return us * 1000;
}

static void read_cpu(int dir, struct viv_cgroup_usage *u)
{
    char text[VIV_CGROUP_FILE];
    ssize_t n = viv_cgroup_files_read(dir, "cpu.stat", text);

    if (n < 0)
        return;
    u->user_ns = field_ns(text, (size_t)n, "user_usec");
    u->system_ns = field_ns(text, (size_t)n, "system_usec");
    u->throttled_ns = field_ns(text, (size_t)n, "throttled_usec");
    viv_cgroup_text_field(text, (size_t)n, "nr_throttled", &u->throttled_periods);
}

static void read_peak(const struct group *g, uint64_t *ret)
{
    char text[32];
    ssize_t n = g->peak >= 0 ? pread(g->peak, text, sizeof(text), 0) : -1;

    if (n < 0 || viv_cgroup_text_number(text, (size_t)n, ret) < 0)
        viv_cgroup_files_number(g->dirs[PART_ONLY], "memory.peak", ret);
}

static int read_usage(const struct group *g, struct viv_cgroup_usage *ret)
{
    struct viv_cgroup_usage u = {0};
    int dir = g->dirs[PART_ONLY];

    read_cpu(dir, &u);
    viv_cgroup_files_number(dir, "memory.current", &u.memory_bytes);
    read_peak(g, &u.memory_peak_bytes);
    viv_cgroup_files_field(dir, "memory.events", "max", &u.memory_limit_hits);
    viv_cgroup_files_field(dir, "memory.events", "oom_kill", &u.oom_kills);
    viv_cgroup_files_number(dir, "pids.current", &u.tasks);
    viv_cgroup_files_field(dir, "pids.events", "max", &u.pids_refused);
    *ret = u;
    return 0;
}

static int is_empty(const struct group *g, bool *ret)
{
    uint64_t populated;

    if (viv_cgroup_files_field(g->dirs[PART_ONLY], "cgroup.events", "populated", &populated) < 0)
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

/* memory.peak can be reset since Linux 6.12, for who holds it open. */
static int renew(struct group *g)
{
    int dir = g->dirs[PART_ONLY];
    uint64_t used = 0;

    if (g->peak < 0)
        g->peak = openat(dir, "memory.peak", O_RDWR | O_CLOEXEC);
    if (g->peak < 0)
        return -1;
    if (viv_cgroup_files_number(dir, "memory.current", &used) == 0 && used > WORTH_RECLAIMING)
        viv_cgroup_files_write_number(dir, "memory.reclaim", used);
    return pwrite(g->peak, "reset\n", 6, 0) < 0 ? -1 : 0;
}

static int open_tenant(const struct tenant *t)
{
    static const char *const wanted[] = {"memory", "pids", "cpu"};

    /* One that the root lacks is a finding already. */
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        viv_cgroup_enable_below(t->dirs[PART_ONLY], wanted[i]);
    return 0;
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
    .usage = read_usage,
    .empty = is_empty,
    .kill = kill_all,
    .renew = renew,
    .open_tenant = open_tenant,
    .entrance = entrance,
};
