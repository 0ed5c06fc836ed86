/* The groups of tenants and of workers, from fixed pools. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

#define PATH_ROOM (VIV_CGROUP_PATH + 3 * VIV_CGROUP_NAME)
/* Of memory in a group that another tenant gets. */
#define LEFT_MAX (1u << 20)

static void close_dirs(int dirs[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        if (dirs[i] >= 0)
            close(dirs[i]);
        dirs[i] = -1;
    }
}

/* Where what is in it is this part's to rename and to remove; else -1. */
static int own_root(const struct viv_cgroup *cg, unsigned part)
{
    return cg->hierarchies[part].shared ? -1 : cg->hierarchies[part].root_dir;
}

static void remove_dirs(const struct viv_cgroup *cg, const char *below)
{
    for (unsigned i = 0; i < cg->parts; i++)
        if (own_root(cg, i) >= 0)
            unlinkat(own_root(cg, i), below, AT_REMOVEDIR);
}

/* <root>/<below> in every hierarchy that we have. */
static int open_dirs(const struct viv_cgroup *cg, const char *below, int ret[PARTS])
{
    int dirs[PARTS] = {-1, -1, -1, -1};

    for (unsigned i = 0; i < cg->parts; i++) {
        const struct hierarchy *h = &cg->hierarchies[i];

        if (h->root_dir < 0)
            continue;
        dirs[i] = openat(h->root_dir, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dirs[i] >= 0)
            continue;
        close_dirs(dirs);
        return -1;
    }
    memcpy(ret, dirs, sizeof(dirs));
    return 0;
}

/* Makes and opens them. */
static int make_dirs(const struct viv_cgroup *cg, const char *below, int ret[PARTS],
                     struct viv_error *err)
{
    int dirs[PARTS] = {-1, -1, -1, -1};

    for (unsigned i = 0; i < cg->parts; i++) {
        const struct hierarchy *h = &cg->hierarchies[i];

        if (h->root_dir < 0 || viv_cgroup_root_make_below(h, below, &dirs[i], err) == 0)
            continue;
        close_dirs(dirs);
        remove_dirs(cg, below);
        return -1;
    }
    memcpy(ret, dirs, sizeof(dirs));
    return 0;
}

static void tenant_path(const struct tenant *t, char ret[VIV_CGROUP_NAME])
{
    viv_cgroup_text_tenant(t->number, t->name, ret);
}

static void group_path(const struct tenant *t, unsigned number, char ret[2 * VIV_CGROUP_NAME])
{
    char tenant[VIV_CGROUP_NAME];

    tenant_path(t, tenant);
    snprintf(ret, 2 * VIV_CGROUP_NAME, "%s/w%u", tenant, number);
}

void viv_cgroup_tree_forget(struct group *g)
{
    for (unsigned i = 0; i < g->entrance.door_count; i++)
        close(g->entrance.doors[i]);
    for (unsigned i = 0; i < KEPT_FILES; i++)
        if (g->kept[i] >= 0)
            close(g->kept[i]);
    close_dirs(g->dirs);
    *g = (struct group){.dirs = {-1, -1, -1, -1}};
}

/* -1: somebody is in it. */
static int remove_worker(const struct viv_cgroup *cg, const struct tenant *t, unsigned number)
{
    char below[2 * VIV_CGROUP_NAME];

    group_path(t, number, below);
    for (unsigned i = 0; i < cg->parts; i++) {
        int root = own_root(cg, i);

        if (root >= 0 && unlinkat(root, below, AT_REMOVEDIR) < 0 && errno != ENOENT)
            return -1;
    }
    return 0;
}

static int remove_group(struct viv_cgroup *cg, struct group *g)
{
    if (remove_worker(cg, g->tenant, g->number) < 0)
        return -1;
    viv_cgroup_tree_forget(g);
    return 0;
}

static int remove_resting(struct viv_cgroup *cg, struct tenant *t)
{
    while (t->resting_count > 0) {
        if (remove_worker(cg, t, t->resting[t->resting_count - 1].number) < 0)
            return -1;
        t->resting_count--;
    }
    return 0;
}

int viv_cgroup_tree_attach(struct viv_cgroup *cg, const struct group *g, pid_t pid,
                           struct viv_error *err)
{
    char below[2 * VIV_CGROUP_NAME], path[PATH_ROOM];

    group_path(g->tenant, g->number, below);
    for (unsigned i = 0; i < cg->parts; i++) {
        const struct hierarchy *h = &cg->hierarchies[i];

        if (own_root(cg, i) < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", h->root, below);
        if (viv_cgroup_lib_attach(h->controller ? h->controller : "memory", path, pid, err) < 0)
            return -1;
    }
    return 0;
}

/* The last one in, as of idle workers. */
static struct group *spare_of(struct viv_cgroup *cg, const struct tenant *t)
{
    struct group *last = NULL;

    for (unsigned i = 0; i < cg->group_count; i++) {
        struct group *g = &cg->groups[i];

        if (g->state == GROUP_SPARE && g->tenant == t && (!last || g->released > last->released))
            last = g;
    }
    return last;
}

static struct group *oldest_spare(struct viv_cgroup *cg)
{
    struct group *first = NULL;

    for (unsigned i = 0; i < cg->group_count; i++) {
        struct group *g = &cg->groups[i];

        if (g->state == GROUP_SPARE && (!first || g->released < first->released))
            first = g;
    }
    return first;
}

/* It is kept where it can be used again. */
static int put_away(struct viv_cgroup *cg, struct group *g)
{
    struct tenant *t = g->tenant;

    if (t->resting_count == RESTING || cg->version->restart_peak(g) < 0)
        return remove_group(cg, g);
    t->resting[t->resting_count++] =
        (struct resting){.number = g->number, .limits = g->limits, .limited = g->limited};
    viv_cgroup_tree_forget(g);
    return 0;
}

/* There are more places than slots, so a spare one can always make room. */
static struct group *free_place(struct viv_cgroup *cg)
{
    struct group *spare;

    for (unsigned i = 0; i < cg->group_count; i++)
        if (cg->groups[i].state == GROUP_FREE)
            return &cg->groups[i];
    spare = oldest_spare(cg);
    return spare && put_away(cg, spare) == 0 ? spare : NULL;
}

static void open_group(struct viv_cgroup *cg, struct group *g)
{
    g->entrance.directory = -1;
    cg->version->entrance(g, &g->entrance);
    cg->version->open_files(g);
}

/* NULL: there is none, or it has to be made anew. */
static struct group *wake(struct viv_cgroup *cg, struct tenant *t)
{
    struct group *g = t->resting_count > 0 ? free_place(cg) : NULL;
    struct group woken = {.state = GROUP_SPARE, .dirty = true, .tenant = t};
    char below[2 * VIV_CGROUP_NAME];
    const struct resting *r;

    if (!g)
        return NULL;
    r = &t->resting[t->resting_count - 1];
    group_path(t, r->number, below);
    if (open_dirs(cg, below, woken.dirs) < 0) {
        remove_resting(cg, t);
        return NULL;
    }
    woken.number = r->number;
    woken.limits = r->limits;
    woken.limited = r->limited;
    t->resting_count--;
    open_group(cg, &woken);
    *g = woken;
    return g;
}

static int make_group(struct viv_cgroup *cg, struct tenant *t, struct group *g,
                      struct viv_error *err)
{
    struct group made = {.state = GROUP_SPARE, .tenant = t, .number = t->next_worker++};
    char below[2 * VIV_CGROUP_NAME];

    group_path(t, made.number, below);
    if (make_dirs(cg, below, made.dirs, err) < 0)
        return -1;
    /* An out-of-memory kill ends the execution, not one process of it that the
     * rest would then wait for. Version 2's; 1 hasn't got it. */
    viv_cgroup_files_write(made.dirs[PART_ONLY], "memory.oom.group", "1");
    if (cg->mode == VIV_CGROUP_V2 && cg->config.clone_uid &&
        fchownat(made.dirs[PART_ONLY], "cgroup.procs", cg->config.clone_uid, (gid_t)-1, 0) < 0) {
        close_dirs(made.dirs);
        remove_dirs(cg, below);
        return viv_fail_errno(err, VIV_INTERNAL, "can't give a control group to uid %u",
                              cg->config.clone_uid);
    }
    open_group(cg, &made);
    *g = made;
    return 0;
}

int viv_cgroup_tree_group(struct viv_cgroup *cg, struct tenant *t, struct group **ret,
                          struct viv_error *err)
{
    struct group *g = spare_of(cg, t);

    if (!g)
        g = wake(cg, t);
    if (g && g->dirty && cg->version->renew(g) < 0 && remove_group(cg, g) < 0)
        g = NULL; /* somebody is in it after all: another one */
    if (!g || g->state == GROUP_FREE) {
        g = g ? g : free_place(cg);
        if (!g)
            return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "every control group is in use");
        if (make_group(cg, t, g, err) < 0)
            return -1;
    }
    g->state = GROUP_HELD;
    g->dirty = true;
    if (t->held++ == 0)
        TAILQ_REMOVE(&cg->idle, t, idle);
    *ret = g;
    return 0;
}

void viv_cgroup_tree_release(struct viv_cgroup *cg, struct group *g)
{
    g->state = GROUP_SPARE;
    g->released = ++cg->releases;
    if (--g->tenant->held == 0)
        TAILQ_INSERT_TAIL(&cg->idle, g->tenant, idle);
}

static struct tenant *known(struct viv_cgroup *cg, const char *name)
{
    for (unsigned i = 0; i < cg->config.tenants_max; i++)
        if (cg->tenants[i].used && strcmp(cg->tenants[i].name, name) == 0)
            return &cg->tenants[i];
    return NULL;
}

/* Memory outlives who used it, where the supervisor holds it: an answer that nobody has
 * read yet. Of version 1. */
static bool holds_memory(const struct viv_cgroup *cg, const char *tenant)
{
    char file[2 * VIV_CGROUP_NAME];
    uint64_t held = 0;

    snprintf(file, sizeof(file), "%s/memory.usage_in_bytes", tenant);
    viv_cgroup_files_number(cg->hierarchies[PART_MEMORY].root_dir, file, &held);
    return held > LEFT_MAX;
}

/* Of who has left, for who comes: making a tenant's groups and a worker's costs a hundred
 * times as much. Version 1 alone can rename. */
static int take_over(struct viv_cgroup *cg, struct tenant *t, const char *name)
{
    char was[VIV_CGROUP_NAME], is[VIV_CGROUP_NAME];

    tenant_path(t, was);
    viv_cgroup_text_tenant(cg->next_tenant, name, is);
    if (holds_memory(cg, was))
        return -1;
    for (unsigned i = 0; i < cg->parts; i++) {
        int root = own_root(cg, i);

        if (root < 0 || renameat(root, was, root, is) == 0)
            continue;
        while (i-- > 0)
            if ((root = own_root(cg, i)) >= 0)
                renameat(root, is, root, was);
        return -1;
    }
    return 0;
}

/* A tenant that comes back gets new groups, and its ceiling when that is set. */
static int forget(struct viv_cgroup *cg, struct tenant *t)
{
    char below[VIV_CGROUP_NAME];
    struct group *spare;

    while ((spare = spare_of(cg, t)))
        if (remove_group(cg, spare) < 0)
            return -1;
    if (remove_resting(cg, t) < 0)
        return -1;
    tenant_path(t, below);
    remove_dirs(cg, below);
    t->used = false;
    return 0;
}

static int make_tenant(struct viv_cgroup *cg, const char *name, struct tenant *ret,
                       struct viv_error *err)
{
    struct tenant made = {.idle = ret->idle};
    char below[VIV_CGROUP_NAME];
    int dirs[PARTS];

    viv_cgroup_text_tenant(cg->next_tenant, name, below);
    if (make_dirs(cg, below, dirs, err) < 0)
        return -1;
    cg->version->open_tenant(dirs);
    close_dirs(dirs);
    *ret = made;
    return 0;
}

int viv_cgroup_tree_tenant(struct viv_cgroup *cg, const char *name, struct tenant **ret,
                           struct viv_error *err)
{
    struct tenant *t = known(cg, name);

    if (t) {
        *ret = t;
        return 0;
    }
    if (strlen(name) >= sizeof(t->name))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a tenant's name is too long");
    t = TAILQ_FIRST(&cg->idle);
    if (!t || (t->used && take_over(cg, t, name) < 0 && forget(cg, t) < 0))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "more than %u tenants at a time",
                        cg->config.tenants_max);
    if (!t->used && make_tenant(cg, name, t, err) < 0)
        return -1;
    t->used = true;
    t->number = cg->next_tenant++;
    snprintf(t->name, sizeof(t->name), "%s", name);
    *ret = t;
    return 0;
}

/* Version 1 refuses a quota below that of a group in it. */
static int cap_quotas(struct viv_cgroup *cg, struct tenant *t, uint32_t cpu_millis)
{
    for (unsigned i = 0; i < cg->group_count; i++) {
        struct group *g = &cg->groups[i];

        if (g->state == GROUP_FREE || g->tenant != t)
            continue;
        if (!g->limits.cpu_millis || g->limits.cpu_millis > cpu_millis)
            g->limits.cpu_millis = cpu_millis;
        if (cg->version->set[VIV_CGROUP_CPU_QUOTA](g->dirs, &g->limits) < 0)
            return -1;
    }
    return remove_resting(cg, t);
}

int viv_cgroup_tree_ceiling(struct viv_cgroup *cg, struct tenant *t,
                            const struct viv_cgroup_limits *limits, struct viv_error *err)
{
    char below[VIV_CGROUP_NAME];
    int dirs[PARTS], rc;

    tenant_path(t, below);
    if (open_dirs(cg, below, dirs) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't open a tenant's control group");
    rc = viv_cgroup_tree_set(cg, dirs, limits, err);
    if (rc < 0 && limits->cpu_millis && cap_quotas(cg, t, limits->cpu_millis) == 0)
        rc = viv_cgroup_tree_set(cg, dirs, limits, err);
    close_dirs(dirs);
    return rc;
}

int viv_cgroup_tree_set(struct viv_cgroup *cg, const int dirs[PARTS],
                        const struct viv_cgroup_limits *limits, struct viv_error *err)
{
    for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++) {
        if (!cg->findings[i].present || cg->version->set[i](dirs, limits) == 0)
            continue;
        return viv_fail_errno(err, errno == EBUSY ? VIV_RESOURCE_EXHAUSTED : VIV_INTERNAL,
                              "can't set %s", viv_cgroup_layer_name(i));
    }
    return 0;
}
