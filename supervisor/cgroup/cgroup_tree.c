/* The groups of tenants and of workers, from fixed pools. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

#define PATH_ROOM (VIV_CGROUP_PATH + 3 * VIV_CGROUP_NAME)

static void close_dirs(int dirs[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        if (dirs[i] >= 0)
            close(dirs[i]);
        dirs[i] = -1;
    }
}

static void remove_dirs(const struct viv_cgroup *cg, const char *below)
{
    for (unsigned i = 0; i < cg->parts; i++)
        if (cg->hierarchies[i].root_dir >= 0)
            unlinkat(cg->hierarchies[i].root_dir, below, AT_REMOVEDIR);
}

/* Makes <root>/<below> in every hierarchy that we have. */
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

static void group_path(const struct group *g, char ret[2 * VIV_CGROUP_NAME])
{
    char tenant[VIV_CGROUP_NAME];

    viv_cgroup_text_tenant(g->tenant->number, g->tenant->name, tenant);
    snprintf(ret, 2 * VIV_CGROUP_NAME, "%s/w%u", tenant, g->number);
}

static void close_group(struct group *g)
{
    for (unsigned i = 0; i < g->entrance.door_count; i++)
        close(g->entrance.doors[i]);
    for (unsigned i = 0; i < KEPT_FILES; i++)
        if (g->kept[i] >= 0)
            close(g->kept[i]);
    close_dirs(g->dirs);
    *g = (struct group){.dirs = {-1, -1, -1, -1}};
}

int viv_cgroup_tree_remove(struct viv_cgroup *cg, struct group *g)
{
    char below[2 * VIV_CGROUP_NAME];

    group_path(g, below);
    for (unsigned i = 0; i < cg->parts; i++) {
        int root = cg->hierarchies[i].root_dir;

        if (root >= 0 && unlinkat(root, below, AT_REMOVEDIR) < 0 && errno != ENOENT)
            return -1;
    }
    g->tenant->groups--;
    close_group(g);
    return 0;
}

void viv_cgroup_tree_forget(struct viv_cgroup *cg, struct group *g)
{
    g->tenant->groups--;
    close_group(g);
}

void viv_cgroup_tree_close_tenant(struct tenant *t)
{
    if (t->used)
        close_dirs(t->dirs);
    t->used = false;
}

int viv_cgroup_tree_attach(struct viv_cgroup *cg, const struct group *g, pid_t pid,
                           struct viv_error *err)
{
    char below[2 * VIV_CGROUP_NAME], path[PATH_ROOM];

    group_path(g, below);
    for (unsigned i = 0; i < cg->parts; i++) {
        const struct hierarchy *h = &cg->hierarchies[i];

        if (h->root_dir < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", h->root, below);
        if (viv_cgroup_lib_attach(h->controller ? h->controller : "memory", path, pid, err) < 0)
            return -1;
    }
    return 0;
}

static struct group *spare_of(struct viv_cgroup *cg, const struct tenant *t)
{
    for (unsigned i = 0; i < cg->group_count; i++)
        if (cg->groups[i].state == GROUP_SPARE && (!t || cg->groups[i].tenant == t))
            return &cg->groups[i];
    return NULL;
}

/* There are more places than slots, so a spare one can always make room. */
static struct group *free_place(struct viv_cgroup *cg)
{
    struct group *spare;

    for (unsigned i = 0; i < cg->group_count; i++)
        if (cg->groups[i].state == GROUP_FREE)
            return &cg->groups[i];
    spare = spare_of(cg, NULL);
    return spare && viv_cgroup_tree_remove(cg, spare) == 0 ? spare : NULL;
}

static int make_group(struct viv_cgroup *cg, struct tenant *t, struct group *g,
                      struct viv_error *err)
{
    char below[2 * VIV_CGROUP_NAME];
    struct group made = {.state = GROUP_SPARE, .tenant = t};

    made.entrance.directory = -1;
    made.number = t->next_worker++;
    group_path(&made, below);
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
    cg->version->entrance(&made, &made.entrance);
    cg->version->open_files(&made);
    t->groups++;
    *g = made;
    return 0;
}

int viv_cgroup_tree_group(struct viv_cgroup *cg, struct tenant *t, struct group **ret,
                          struct viv_error *err)
{
    struct group *g = spare_of(cg, t);

    if (g && g->dirty && cg->version->renew(g) < 0 && viv_cgroup_tree_remove(cg, g) < 0)
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
    *ret = g;
    return 0;
}

static struct tenant *known(struct viv_cgroup *cg, const char *name)
{
    for (unsigned i = 0; i < cg->config.tenants_max; i++)
        if (cg->tenants[i].used && strcmp(cg->tenants[i].name, name) == 0)
            return &cg->tenants[i];
    return NULL;
}

/* A tenant that comes back gets new groups, and its ceiling when that is set. */
static int forget(struct viv_cgroup *cg, struct tenant *t)
{
    char below[VIV_CGROUP_NAME];
    struct group *spare;

    while ((spare = spare_of(cg, t)))
        if (viv_cgroup_tree_remove(cg, spare) < 0)
            return -1;
    if (t->groups > 0)
        return -1;
    viv_cgroup_text_tenant(t->number, t->name, below);
    close_dirs(t->dirs);
    remove_dirs(cg, below);
    t->used = false;
    return 0;
}

static bool holds_slots(const struct viv_cgroup *cg, const struct tenant *t)
{
    for (unsigned i = 0; i < cg->group_count; i++)
        if (cg->groups[i].state == GROUP_HELD && cg->groups[i].tenant == t)
            return true;
    return false;
}

static struct tenant *tenant_place(struct viv_cgroup *cg)
{
    struct tenant *oldest = NULL;

    for (unsigned i = 0; i < cg->config.tenants_max; i++) {
        struct tenant *t = &cg->tenants[i];

        if (!t->used)
            return t;
        if (!holds_slots(cg, t) && (!oldest || t->number < oldest->number))
            oldest = t;
    }
    return oldest && forget(cg, oldest) == 0 ? oldest : NULL;
}

int viv_cgroup_tree_tenant(struct viv_cgroup *cg, const char *name, struct tenant **ret,
                           struct viv_error *err)
{
    char below[VIV_CGROUP_NAME];
    struct tenant *t = known(cg, name);
    struct tenant made = {.used = true, .number = cg->next_tenant};

    if (t) {
        *ret = t;
        return 0;
    }
    if (strlen(name) >= sizeof(made.name))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a tenant's name is too long");
    t = tenant_place(cg);
    if (!t)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "more than %u tenants at a time",
                        cg->config.tenants_max);
    snprintf(made.name, sizeof(made.name), "%s", name);
    viv_cgroup_text_tenant(made.number, name, below);
    if (make_dirs(cg, below, made.dirs, err) < 0)
        return -1;
    cg->version->open_tenant(&made);
    cg->next_tenant++;
    *t = made;
    *ret = t;
    return 0;
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
