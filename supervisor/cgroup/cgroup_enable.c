/* Version 2 hands controllers down one level at a time, and never out of a
 * group that has processes of its own (the "no internal processes" rule). So
 * where that stops us we move into a leaf below our root, and try again. */
#include <errno.h>
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
    const struct hierarchy *h = &cg->hierarchies[PART_ONLY];
    char leaf[sizeof(h->root) + 16];
    int dir, rc;

    snprintf(leaf, sizeof(leaf), "%s/supervisor", h->root);
    if (viv_cgroup_lib_make(NULL, leaf, NULL) < 0 ||
        viv_cgroup_files_open(h->point, leaf, &dir) < 0)
        return -1;
    rc = viv_cgroup_files_write_number(dir, "cgroup.procs", (uint64_t)getpid());
    close(dir);
    cg->moved = rc == 0;
    return rc;
}

int viv_cgroup_enable(struct viv_cgroup *cg, const char *controller)
{
    const struct hierarchy *h = &cg->hierarchies[PART_ONLY];
    int rc = viv_cgroup_enable_below(h->base_dir, controller);

    if (rc < 0 && errno == EBUSY && !cg->moved && move_into_leaf(cg) == 0)
        rc = viv_cgroup_enable_below(h->base_dir, controller);
    if (rc < 0 || viv_cgroup_enable_below(h->root_dir, controller) < 0)
        return errno;
    return 0;
}

/* Out of the leaf, so that our root can be removed; it may not be possible,
 * then the next supervisor removes it. */
void viv_cgroup_enable_undo(struct viv_cgroup *cg)
{
    const struct hierarchy *h = &cg->hierarchies[PART_ONLY];

    if (!cg->moved)
        return;
    viv_cgroup_files_write(h->base_dir, "cgroup.subtree_control", "-memory -pids -cpu");
    if (viv_cgroup_files_write_number(h->base_dir, "cgroup.procs", (uint64_t)getpid()) == 0)
        cg->moved = false;
}
