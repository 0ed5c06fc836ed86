/* Our root in each hierarchy, and the end of roots whose supervisor has died.
 *
 * A root belongs to whom holds a flock(2) on its directory: unlike a pid in its
 * name, that can't be mistaken across pid namespaces or after a reuse of the
 * number, and the kernel lets go of it however its holder dies. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_files.h"
#include "supervisor/cgroup/cgroup_parts.h"

#define LEAF "supervisor"
#define TRIES 2000

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static int remove_tree(int parent, const char *name);

/* -1: one is left. */
static int remove_children(int dir)
{
    int copy = dup(dir), rc = 0;
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;

    if (!list) {
        if (copy >= 0)
            close(copy);
        return -1;
    }
    rewinddir(list);
    while ((entry = readdir(list)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
            remove_tree(dir, entry->d_name) < 0)
            rc = -1;
    closedir(list);
    return rc;
}

static void kill_in(int dir)
{
    if (viv_cgroup_files_write(dir, "cgroup.kill", "1") == 0)
        return;
    viv_cgroup_files_write(dir, "pids.max", "0");
    viv_cgroup_files_kill(dir);
}

/* rmdir(2) is the proof that a group is empty; until it is, kill. A leaf is
 * only ever left by its own: who is in there was no worker. And cgroup.kill
 * goes down to the leaves, so nothing that has one left is killed. */
static int remove_tree(int parent, const char *name)
{
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (dir < 0)
        return errno == ENOENT ? 0 : -1;
    rc = remove_children(dir);
    for (int i = 0; rc == 0 && i < TRIES; i++) {
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
            break;
        rc = errno != EBUSY || strcmp(name, LEAF) == 0 || i + 1 == TRIES ? -1 : 0;
        if (rc == 0) {
            kill_in(dir);
            sleep_ms(1);
        }
    }
    close(dir);
    return rc;
}

static void remove_if_dead(int base, const char *name)
{
    int dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return;
    if (flock(dir, LOCK_EX | LOCK_NB) == 0)
        remove_tree(base, name);
    close(dir);
}

static void remove_dead_roots(int base)
{
    int copy = dup(base);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;

    if (!list) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(list)))
        if (viv_cgroup_text_is_root(entry->d_name))
            remove_if_dead(base, entry->d_name);
    closedir(list);
}

/* Between its making and its locking a root looks dead to another supervisor
 * that starts just then, so they start one at a time. */
static void lock_base(int base)
{
    for (int i = 0; i < TRIES && flock(base, LOCK_EX | LOCK_NB) < 0; i++)
        sleep_ms(1);
}

static void not_here(struct hierarchy *h, const char *what)
{
    h->error = errno ? errno : EINVAL;
    h->failed = what;
    if (h->root_dir >= 0)
        close(h->root_dir);
    if (h->base_dir >= 0)
        close(h->base_dir);
    h->root_dir = h->base_dir = -1;
}

/* Not by libcgroup, which doesn't always keep the errno that a finding tells. */
static int make_one(const char *name, struct hierarchy *h)
{
    char base[sizeof(h->base)]; /* gcc takes two members for overlapping */

    memcpy(base, h->base, sizeof(base));
    snprintf(h->root, sizeof(h->root), "%s%s%s", base, base[0] ? "/" : "", name);
    if (mkdirat(h->base_dir, name, 0755) < 0 && errno != EEXIST)
        return -1;
    if (viv_cgroup_files_open(h->point, h->root, &h->root_dir) < 0)
        return -1;
    return flock(h->root_dir, LOCK_EX | LOCK_NB);
}

static bool same_directory(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The earlier part that this one is mounted with, as cpuacct mostly is with cpu; NULL. */
static const struct hierarchy *mounted_with(const struct viv_cgroup *cg, const struct hierarchy *h)
{
    for (const struct hierarchy *other = cg->hierarchies; other < h; other++)
        if (other->base_dir >= 0 && same_directory(other->base_dir, h->base_dir))
            return other;
    return NULL;
}

/* By its lock as well, which a second opening of the directory would not get. */
static void share_root(const struct hierarchy *with, struct hierarchy *h)
{
    h->root_dir = fcntl(with->root_dir, F_DUPFD_CLOEXEC, 0);
    h->shared = h->root_dir >= 0;
    if (!h->shared)
        not_here(h, "opening a group");
}

static void make_root(const struct viv_cgroup *cg, const char *name, struct hierarchy *h)
{
    const struct hierarchy *other;

    if (h->error)
        return;
    if (viv_cgroup_files_open(h->point, h->base, &h->base_dir) < 0) {
        not_here(h, "opening the group that ours is to be in");
        return;
    }
    other = mounted_with(cg, h);
    if (other) {
        share_root(other, h);
        return;
    }
    lock_base(h->base_dir);
    remove_dead_roots(h->base_dir);
    if (make_one(name, h) < 0)
        not_here(h, "creating a group");
    else
        flock(h->base_dir, LOCK_UN);
}

/* libcgroup 2.0.2 makes a group of version 2 only with a controller, and then
 * writes cgroup.subtree_control from the mount point down, which who was given
 * a part of the tree may not. */
static int make_below(const struct hierarchy *h, const char *below, const char *path,
                      struct viv_error *err)
{
    if (h->shared)
        return 0;
    if (h->controller)
        return viv_cgroup_lib_make(h->controller, path, err);
    return mkdirat(h->root_dir, below, 0755) == 0 || errno == EEXIST
               ? 0
               : viv_fail_errno(err, VIV_INTERNAL, "can't create %s", path);
}

int viv_cgroup_root_make_below(const struct hierarchy *h, const char *below, int *ret_dir,
                               struct viv_error *err)
{
    char path[sizeof(h->root) + 3 * VIV_CGROUP_NAME];

    snprintf(path, sizeof(path), "%s/%s", h->root, below);
    if (make_below(h, below, path, err) < 0)
        return -1;
    *ret_dir = openat(h->root_dir, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_dir < 0 ? viv_fail_errno(err, VIV_INTERNAL, "can't open %s", path) : 0;
}

void viv_cgroup_root_make(struct viv_cgroup *cg)
{
    static unsigned opened;
    char name[VIV_CGROUP_NAME];

    viv_cgroup_text_root(getpid(), __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED), name);
    for (unsigned i = 0; i < cg->parts; i++)
        make_root(cg, name, &cg->hierarchies[i]);
    snprintf(cg->name, sizeof(cg->name), "%s", name);
}

void viv_cgroup_root_remove(struct viv_cgroup *cg)
{
    for (unsigned i = 0; i < PARTS; i++) {
        struct hierarchy *h = &cg->hierarchies[i];

        if (h->root_dir < 0)
            continue;
        if (!h->shared) {
            remove_children(h->root_dir);
            viv_cgroup_enable_undo(cg);
            remove_tree(h->base_dir, cg->name);
        }
        close(h->root_dir);
        close(h->base_dir);
        h->root_dir = h->base_dir = -1;
    }
}
