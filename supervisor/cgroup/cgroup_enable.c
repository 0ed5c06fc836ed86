/* Version 2 hands controllers down one level at a time, and never out of a
 * group that has processes of its own (the "no internal processes" rule). So
 * where that stops us we move into a leaf below our root, and try again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

int viv_cgroup_enable_below(int dir, const char *controller)
{
    char text[32];

    snprintf(text, sizeof(text), "+%s", controller);
    return viv_cgroup_files_write(dir, "cgroup.subtree_control", text);
}

static int move_into_leaf(struct viv_cgroup *cg)
{
    int dir, rc;

    if (viv_cgroup_root_make_below(&cg->hierarchies[PART_ONLY], "supervisor", &dir, NULL) < 0)
        return -1;
    rc = viv_cgroup_files_write_number(dir, "cgroup.procs", (uint64_t)getpid());
    close(dir);
    cg->moved = rc == 0;
    return rc;
}

/* EOPNOTSUPP: a controller that threads may have would make the group one of
 * threads, and then of nothing else. */
static bool is_inhabited(int error)
{
    return error == EBUSY || error == EOPNOTSUPP;
}

int viv_cgroup_enable(struct viv_cgroup *cg, const char *controller)
{
    const struct hierarchy *h = &cg->hierarchies[PART_ONLY];
    int rc = viv_cgroup_enable_below(h->base_dir, controller);

    if (rc < 0 && is_inhabited(errno) && !cg->moved && move_into_leaf(cg) == 0)
        rc = viv_cgroup_enable_below(h->base_dir, controller);
    if (rc < 0 || viv_cgroup_enable_below(h->root_dir, controller) < 0)
        return errno;
    return 0;
}

/* For a clone into another group the kernel asks what it asks for a move: may
 * the caller write the target's cgroup.procs and that of the group above both? */
int viv_cgroup_enable_cloning(struct viv_cgroup *cg)
{
    int root = cg->hierarchies[PART_ONLY].root_dir;

    if (!cg->moved && move_into_leaf(cg) < 0)
        return -1;
    return fchownat(root, "cgroup.procs", cg->config.clone_uid, (gid_t)-1, 0);
}

static void disable_all(int dir)
{
    static const char *const texts[] = {"-memory", "-pids", "-cpu"};

    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        viv_cgroup_files_write(dir, "cgroup.subtree_control", texts[i]);
}

/* Out of the leaf, so that our root can be removed; where that isn't possible,
 * the next supervisor removes it. */
void viv_cgroup_enable_undo(struct viv_cgroup *cg)
{
    const struct hierarchy *h = &cg->hierarchies[PART_ONLY];

    if (!cg->moved)
        return;
    disable_all(h->root_dir);
    disable_all(h->base_dir);
    if (viv_cgroup_files_write_number(h->base_dir, "cgroup.procs", (uint64_t)getpid()) == 0)
        cg->moved = false;
}
