#include "supervisor/cgroup/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cgroup/cgroup_parts.h"

#define SLOTS_MOST 65536u

static int allocate(const struct viv_cgroup_config *config, struct viv_cgroup **ret)
{
    struct viv_cgroup *cg = calloc(1, sizeof(*cg));

    if (!cg)
        return -1;
    cg->config = *config;
    cg->config.tenants_max = config->tenants_max ? config->tenants_max : 256;
    cg->config.spare_max = config->spare_max ? config->spare_max : 16;
    cg->group_count = config->slots + cg->config.spare_max;
    cg->groups = calloc(cg->group_count, sizeof(*cg->groups));
    cg->slots = calloc(config->slots + 1, sizeof(*cg->slots));
    cg->tenants = calloc(cg->config.tenants_max, sizeof(*cg->tenants));
    TAILQ_INIT(&cg->idle);
    for (unsigned i = 0; cg->tenants && i < cg->config.tenants_max; i++)
        TAILQ_INSERT_TAIL(&cg->idle, &cg->tenants[i], idle);
    *ret = cg;
    return cg->groups && cg->slots && cg->tenants ? 0 : -1;
}

static void deallocate(struct viv_cgroup *cg)
{
    if (!cg)
        return;
    free(cg->groups);
    free(cg->slots);
    free(cg->tenants);
    free(cg);
}

int viv_cgroup_open(const struct viv_cgroup_config *config, struct viv_cgroup **ret,
                    struct viv_error *err)
{
    struct viv_cgroup *cg = NULL;

    if (config->slots > SLOTS_MOST || config->tenants_max > SLOTS_MOST ||
        config->spare_max > SLOTS_MOST)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "more than %u control groups", SLOTS_MOST);
    if (allocate(config, &cg) < 0) {
        deallocate(cg);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for control groups");
    }
    viv_cgroup_host_detect(cg);
    if (cg->version && viv_cgroup_lib_start() < 0)
        viv_cgroup_host_give_up(cg, "the file systems that are mounted can't be read");
    viv_cgroup_root_make(cg);
    viv_cgroup_probe(cg);
    if (!cg->version) {
        viv_cgroup_root_remove(cg);
        cg->mode = VIV_CGROUP_NONE;
    }
    *ret = cg;
    return 0;
}

/* One that somebody is still in goes with the root, killed. */
static void close_groups(struct viv_cgroup *cg)
{
    for (unsigned i = 0; i < cg->group_count; i++) {
        struct group *g = &cg->groups[i];

        if (g->state == GROUP_FREE)
            continue;
        cg->version->kill(g);
        viv_cgroup_tree_forget(g);
    }
}

void viv_cgroup_close(struct viv_cgroup *cg)
{
    if (!cg)
        return;
    if (cg->version) {
        close_groups(cg);
        viv_cgroup_root_remove(cg);
    }
    deallocate(cg);
}

enum viv_cgroup_mode viv_cgroup_mode(const struct viv_cgroup *cg)
{
    return cg->mode;
}

const char *viv_cgroup_layer_name(enum viv_cgroup_layer layer)
{
    static const char *const names[VIV_CGROUP_LAYERS] = {
        [VIV_CGROUP_MEMORY] = "cgroup_memory",
        [VIV_CGROUP_SWAP] = "cgroup_swap",
        [VIV_CGROUP_PIDS] = "cgroup_pids",
        [VIV_CGROUP_CPU_QUOTA] = "cgroup_cpu_quota",
        [VIV_CGROUP_CPU_WEIGHT] = "cgroup_cpu_weight",
    };

    return layer < VIV_CGROUP_LAYERS ? names[layer] : NULL;
}

const char *viv_cgroup_mode_name(enum viv_cgroup_mode mode)
{
    static const char *const names[] = {
        [VIV_CGROUP_NONE] = "none",
        [VIV_CGROUP_V1] = "v1",
        [VIV_CGROUP_HYBRID] = "hybrid",
        [VIV_CGROUP_V2] = "v2",
    };

    return names[mode];
}

const struct viv_cgroup_finding *viv_cgroup_finding(const struct viv_cgroup *cg,
                                                    enum viv_cgroup_layer layer)
{
    return &cg->findings[layer];
}

int viv_cgroup_tenant(struct viv_cgroup *cg, const char *tenant,
                      const struct viv_cgroup_limits *limits, struct viv_error *err)
{
    struct tenant *t;

    if (!cg->version)
        return 0;
    if (viv_cgroup_tree_tenant(cg, tenant, &t, err) < 0)
        return -1;
    if (!t->unsure && viv_cgroup_limits_equal(&t->limits, limits))
        return 0;
    t->unsure = true; /* half of them may be set */
    if (viv_cgroup_tree_ceiling(cg, t, limits, err) < 0)
        return -1;
    t->limits = *limits;
    t->unsure = false;
    return 0;
}

/* The slot's group; NULL with *err filled in where there is none. */
static struct group *held(const struct viv_cgroup *cg, unsigned slot, struct viv_error *err)
{
    struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;

    if (!g)
        viv_fail(err, VIV_INTERNAL, "slot %u has no control group", slot);
    return g;
}

int viv_cgroup_release(struct viv_cgroup *cg, unsigned slot, struct viv_error *err)
{
    struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;
    bool empty;

    if (!g)
        return 0;
    if (cg->version->empty(g, &empty) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't see whether a control group is empty");
    if (!empty)
        return viv_fail(err, VIV_FAILED_PRECONDITION, "slot %u's control group isn't empty", slot);
    viv_cgroup_tree_release(cg, g);
    cg->slots[slot] = NULL;
    return 0;
}

int viv_cgroup_prepare(struct viv_cgroup *cg, unsigned slot, const char *tenant,
                       struct viv_error *err)
{
    struct tenant *t;

    if (!cg->version)
        return 0;
    if (slot >= cg->config.slots)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "there is no slot %u", slot);
    if (viv_cgroup_release(cg, slot, err) < 0 || viv_cgroup_tree_tenant(cg, tenant, &t, err) < 0)
        return -1;
    return viv_cgroup_tree_group(cg, t, &cg->slots[slot], err);
}

int viv_cgroup_limit(struct viv_cgroup *cg, unsigned slot, const struct viv_cgroup_limits *limits,
                     struct viv_error *err)
{
    struct viv_cgroup_limits l = *limits;
    struct group *g;

    if (!cg->version)
        return viv_fail(err, VIV_FAILED_PRECONDITION, "there are no control groups");
    if (!(g = held(cg, slot, err)))
        return -1;
    /* Version 1 refuses a child that may have more than its parent. */
    if (g->tenant->limits.cpu_millis &&
        (!l.cpu_millis || l.cpu_millis > g->tenant->limits.cpu_millis))
        l.cpu_millis = g->tenant->limits.cpu_millis;
    if (g->limited && viv_cgroup_limits_equal(&l, &g->limits))
        return 0;
    g->limited = false; /* half of them may be set */
    if (viv_cgroup_tree_set(cg, g->dirs, &l, err) < 0)
        return -1;
    g->limits = l;
    g->limited = true;
    return 0;
}

void viv_cgroup_entrance(const struct viv_cgroup *cg, unsigned slot,
                         struct viv_cgroup_entrance *ret)
{
    const struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;

    *ret = g ? g->entrance : (struct viv_cgroup_entrance){.directory = -1};
}

int viv_cgroup_attach(struct viv_cgroup *cg, unsigned slot, pid_t pid, struct viv_error *err)
{
    struct group *g;

    if (!cg->version)
        return 0;
    if (!(g = held(cg, slot, err)))
        return -1;
    return viv_cgroup_tree_attach(cg, g, pid, err);
}

int viv_cgroup_mark(struct viv_cgroup *cg, unsigned slot, struct viv_error *err)
{
    struct group *g;

    if (!cg->version)
        return 0;
    if (!(g = held(cg, slot, err)))
        return -1;
    cg->version->restart_peak(g);
    cg->version->counters(g, &g->before);
    return 0;
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static int read_since(const struct viv_cgroup *cg, unsigned slot, bool all,
                      struct viv_cgroup_usage *ret, struct viv_error *err)
{
    struct viv_cgroup_usage u = {0};
    const struct group *g;

    if (cg->version) {
        if (!(g = held(cg, slot, err)))
            return -1;
        cg->version->counters(g, &u);
        u.cpu_ns = since(u.cpu_ns, g->before.cpu_ns);
        u.memory_limit_hits = since(u.memory_limit_hits, g->before.memory_limit_hits);
        u.oom_kills = since(u.oom_kills, g->before.oom_kills);
        cg->version->peak(g, &u);
        if (all)
            cg->version->events(g, &u);
    }
    *ret = u;
    return 0;
}

bool viv_cgroup_counts_cpu(const struct viv_cgroup *cg, unsigned slot)
{
    const struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;

    return g && g->kept[KEPT_CPU] >= 0;
}

int viv_cgroup_usage(const struct viv_cgroup *cg, unsigned slot, struct viv_cgroup_usage *ret,
                     struct viv_error *err)
{
    return read_since(cg, slot, true, ret, err);
}

int viv_cgroup_spent(const struct viv_cgroup *cg, unsigned slot, struct viv_cgroup_usage *ret,
                     struct viv_error *err)
{
    return read_since(cg, slot, false, ret, err);
}

int viv_cgroup_empty(const struct viv_cgroup *cg, unsigned slot, bool *ret, struct viv_error *err)
{
    const struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;

    if (!g) {
        *ret = true;
        return 0;
    }
    if (cg->version->empty(g, ret) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't see whether a control group is empty");
    return 0;
}

int viv_cgroup_kill(struct viv_cgroup *cg, unsigned slot, struct viv_error *err)
{
    struct group *g = slot < cg->config.slots ? cg->slots[slot] : NULL;

    if (!g)
        return 0;
    g->limited = false;
    if (cg->version->kill(g) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't kill a control group");
    return 0;
}
