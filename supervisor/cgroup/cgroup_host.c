/* What this machine has, and where in it we are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

static const char *const controllers[PARTS] = {
    [PART_MEMORY] = "memory",
    [PART_PIDS] = "pids",
    [PART_CPU] = "cpu",
    [PART_CPUACCT] = "cpuacct",
};

/* A supervisor that was started by another one's leaf belongs beside it. */
static void leave_leaf(char *base)
{
    static const char leaf[] = "/supervisor";
    size_t len = strlen(base);
    char *name;

    if (len < sizeof(leaf) || strcmp(base + len - sizeof(leaf) + 1, leaf) != 0)
        return;
    base[len - sizeof(leaf) + 1] = '\0';
    name = strrchr(base, '/');
    name = name ? name + 1 : base;
    if (viv_cgroup_text_is_root(name))
        *(name > base ? name - 1 : name) = '\0';
    else
        base[len - sizeof(leaf) + 1] = '/';
}

/* The group that we are in, as it is called below the mount point. */
static int find_base(const char *own_text, const char *controller, struct hierarchy *h,
                     const char *root)
{
    char own[VIV_CGROUP_PATH];

    if (viv_cgroup_text_own(own_text, strlen(own_text), controller, own) < 0 ||
        viv_cgroup_text_below(own, root, h->base) < 0)
        return -1;
    leave_leaf(h->base);
    return 0;
}

static void detect_one(const struct viv_cgroup *cg, const char *mounts, const char *own,
                       const char *controller, struct hierarchy *h)
{
    struct viv_cgroup_mount mount;

    h->controller = controller;
    if (viv_cgroup_text_mount(mounts, strlen(mounts), controller, &mount) < 0) {
        h->error = ENOENT;
        h->failed = "no such hierarchy is mounted";
        return;
    }
    snprintf(h->point, sizeof(h->point), "%s", mount.point);
    if (cg->config.parent) {
        snprintf(h->base, sizeof(h->base), "%s", cg->config.parent + (*cg->config.parent == '/'));
    } else if (find_base(own, controller, h, mount.root) < 0) {
        h->error = ENOENT;
        h->failed = "the group that we are in is not below what is mounted";
        return;
    }
    h->error = 0;
}

static void detect_v1(struct viv_cgroup *cg, const char *mounts, const char *own)
{
    cg->version = &viv_cgroup_v1;
    cg->parts = PARTS;
    for (unsigned i = 0; i < PARTS; i++)
        detect_one(cg, mounts, own, controllers[i], &cg->hierarchies[i]);
}

static bool mounted(const char *mounts, const char *controller)
{
    struct viv_cgroup_mount mount;

    return viv_cgroup_text_mount(mounts, strlen(mounts), controller, &mount) == 0;
}

static void detect(struct viv_cgroup *cg, const char *mounts, const char *own)
{
    bool v1 = mounted(mounts, "memory") || mounted(mounts, "pids") || mounted(mounts, "cpu");
    bool v2 = mounted(mounts, NULL);

    if (v1) {
        cg->mode = v2 ? VIV_CGROUP_HYBRID : VIV_CGROUP_V1;
        detect_v1(cg, mounts, own);
    } else if (v2) {
        cg->mode = VIV_CGROUP_V2;
        cg->version = &viv_cgroup_v2;
        cg->parts = 1;
        detect_one(cg, mounts, own, NULL, &cg->hierarchies[PART_ONLY]);
    }
}

void viv_cgroup_host_give_up(struct viv_cgroup *cg, const char *why)
{
    cg->version = NULL;
    cg->parts = 0;
    for (unsigned i = 0; i < PARTS; i++)
        cg->hierarchies[i] =
            (struct hierarchy){.base_dir = -1, .root_dir = -1, .error = ENOENT, .failed = why};
}

void viv_cgroup_host_detect(struct viv_cgroup *cg)
{
    char *mounts = viv_cgroup_files_slurp("/proc/self/mountinfo");
    char *own = viv_cgroup_files_slurp("/proc/self/cgroup");

    viv_cgroup_host_give_up(cg, "no control groups are mounted");
    if (mounts && own)
        detect(cg, mounts, own);
    free(mounts);
    free(own);
}
