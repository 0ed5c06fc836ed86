/* Each layer is tried: nothing that a file system says about itself tells what
 * a container's policy leaves of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_parts.h"

#define TRIAL "trial"

static const enum viv_cgroup_part part_of[VIV_CGROUP_LAYERS] = {
    [VIV_CGROUP_MEMORY] = PART_MEMORY,  [VIV_CGROUP_SWAP] = PART_MEMORY,
    [VIV_CGROUP_PIDS] = PART_PIDS,      [VIV_CGROUP_CPU_QUOTA] = PART_CPU,
    [VIV_CGROUP_CPU_WEIGHT] = PART_CPU,
};

static const char *const controller_of[VIV_CGROUP_LAYERS] = {
    [VIV_CGROUP_MEMORY] = "memory", [VIV_CGROUP_SWAP] = "memory",    [VIV_CGROUP_PIDS] = "pids",
    [VIV_CGROUP_CPU_QUOTA] = "cpu", [VIV_CGROUP_CPU_WEIGHT] = "cpu",
};

static const char *remedy(enum viv_cgroup_layer layer, int error)
{
    if (error == EROFS)
        return "a container with writable cgroups: cgroup_writable of containerd 2.1, the "
               "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw annotation of CRI-O";
    if (error == EACCES || error == EPERM)
        return "start as root, or with a delegated group: systemd-run -p Delegate=yes, or "
               "User= and Delegate=yes in the unit";
    if (error == EBUSY)
        return "start in a group of its own, as systemd-run --scope or a unit does: "
               "other processes are in this one";
    if (layer == VIV_CGROUP_SWAP)
        return "start the kernel with swapaccount=1, or switch swap off";
    return "mount cgroup2, or start the kernel with the controller enabled "
           "(cgroup_enable=memory, CONFIG_CFS_BANDWIDTH for quotas)";
}

static void missing(struct viv_cgroup *cg, enum viv_cgroup_layer layer, const char *what, int error)
{
    struct viv_cgroup_finding *f = &cg->findings[layer];

    f->present = false;
    snprintf(f->why, sizeof(f->why), "%s: %s", what, strerror(error));
    snprintf(f->remedy, sizeof(f->remedy), "%s", remedy(layer, error));
}

static void try_limit(struct viv_cgroup *cg, enum viv_cgroup_layer layer, const int dirs[PARTS])
{
    static const struct viv_cgroup_limits sample = {
        .memory_bytes = 64 << 20, .pids = 16, .cpu_millis = 500, .cpu_weight = 100};
    const struct hierarchy *h = &cg->hierarchies[cg->parts == 1 ? PART_ONLY : part_of[layer]];

    if (h->root_dir < 0)
        missing(cg, layer, h->failed, h->error);
    else if (cg->version->set[layer](dirs, &sample) < 0)
        missing(cg, layer, "writing the limit", errno);
    else
        cg->findings[layer].present = true;
}

/* Version 2's controllers, down to our root: an errno for each layer. */
static void enable_all(struct viv_cgroup *cg, int errors[VIV_CGROUP_LAYERS])
{
    for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++) {
        errors[i] = 0;
        if (cg->mode != VIV_CGROUP_V2 || cg->hierarchies[PART_ONLY].root_dir < 0)
            continue;
        if (i > 0 && controller_of[i] == controller_of[i - 1])
            errors[i] = errors[i - 1];
        else
            errors[i] = viv_cgroup_enable(cg, controller_of[i]);
    }
}

static void make_trial(struct viv_cgroup *cg, int dirs[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        struct hierarchy *h = &cg->hierarchies[i];

        dirs[i] = -1;
        if (h->root_dir >= 0)
            viv_cgroup_root_make_below(h, TRIAL, &dirs[i], NULL);
    }
}

static void remove_trial(struct viv_cgroup *cg, int dirs[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        if (dirs[i] < 0)
            continue;
        close(dirs[i]);
        unlinkat(cg->hierarchies[i].root_dir, TRIAL, AT_REMOVEDIR);
    }
}

void viv_cgroup_probe(struct viv_cgroup *cg)
{
    int errors[VIV_CGROUP_LAYERS], dirs[PARTS];
    bool any = false;

    enable_all(cg, errors);
    if (cg->mode == VIV_CGROUP_V2 && cg->config.clone_uid && viv_cgroup_enable_cloning(cg) < 0)
        for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++)
            errors[i] = errors[i] ? errors[i] : errno;
    make_trial(cg, dirs);
    for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++) {
        if (errors[i])
            missing(cg, i, "enabling the controller", errors[i]);
        else if (cg->version)
            try_limit(cg, i, dirs);
        else
            missing(cg, i, cg->hierarchies[0].failed, cg->hierarchies[0].error);
        any = any || cg->findings[i].present;
    }
    remove_trial(cg, dirs);
    if (!any)
        cg->version = NULL;
}
