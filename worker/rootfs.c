/* The root is a tmpfs that holds what Python needs and nothing else, put
 * together once per zygote; workers inherit it with their mount namespace.
 * Nothing of the host's /etc, /home, /var, /run or /sys is in it, and no
 * program: a stolen process finds neither secrets nor tools. */
#include "worker/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sys.h"

#if defined(__x86_64__)
#define USR_LIB_MULTIARCH "usr/lib/x86_64-linux-gnu"
#elif defined(__aarch64__)
#define USR_LIB_MULTIARCH "usr/lib/aarch64-linux-gnu"
#endif

/* Where it is put together: a folder that exists everywhere and holds nothing
 * that is to be bound. */
#define SITE "/tmp"

static const char *const folders[] = {
    "usr",
    "usr/lib",
    "usr/lib/python3.11",
    "usr/lib/python3",
    USR_LIB_MULTIARCH,
    "usr/lib64",
    "usr/local",
    "usr/local/lib",
    "usr/local/lib/python3.11",
    "usr/share",
    "usr/share/zoneinfo",
    "etc",
    "dev",
    "dev/shm",
    "proc",
    "tmp",
};

struct bound {
    const char *path; /* below /, and the same below the new root */
    bool needed;
};

/* With whatever is mounted below them. */
static const struct bound trees[] = {
    {"usr/lib/python3.11", true},        {USR_LIB_MULTIARCH, true},
    {"usr/lib/python3", false},          {"usr/lib64", false},
    {"usr/local/lib/python3.11", false}, {"usr/share/zoneinfo", false},
};

static const struct bound files[] = {
    {"etc/ld.so.cache", false},
    {"etc/localtime", false},
};

/* Devices that give nothing away and change nothing. */
static const struct bound devices[] = {
    {"dev/null", true},
    {"dev/zero", true},
    {"dev/random", true},
    {"dev/urandom", true},
};

static const struct {
    const char *target, *path;
} links[] = {
    {"usr/lib", "lib"},
    {"usr/lib64", "lib64"},
    {"/proc/self/fd", "dev/fd"},
    {"/proc/self/fd/0", "dev/stdin"},
    {"/proc/self/fd/1", "dev/stdout"},
    {"/proc/self/fd/2", "dev/stderr"},
};

static const struct {
    const char *path, *text;
} texts[] = {
    {"etc/passwd", "vivarium:x:1000:1000:vivarium:/tmp:/nonexistent\n"},
    {"etc/group", "vivarium:x:1000:\n"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int can_not(struct viv_error *err, const char *what, const char *path)
{
    return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "read-only root: can't %s /%s", what, path);
}

static int make_file(const char *path, const char *text)
{
    VIV_CLOSING int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return -1;
    return text ? viv_sys_write_file(AT_FDCWD, path, text) : 0;
}

/* The skeleton, in the current directory. */
static int make_tree(struct viv_error *err)
{
    for (size_t i = 0; i < COUNT(folders); i++)
        if (mkdir(folders[i], 0755) < 0)
            return can_not(err, "create", folders[i]);
    for (size_t i = 0; i < COUNT(links); i++)
        if (symlink(links[i].target, links[i].path) < 0)
            return can_not(err, "link", links[i].path);
    for (size_t i = 0; i < COUNT(texts); i++)
        if (make_file(texts[i].path, texts[i].text) < 0)
            return can_not(err, "write", texts[i].path);
    for (size_t i = 0; i < COUNT(files); i++)
        if (make_file(files[i].path, NULL) < 0)
            return can_not(err, "create", files[i].path);
    for (size_t i = 0; i < COUNT(devices); i++)
        if (make_file(devices[i].path, NULL) < 0)
            return can_not(err, "create", devices[i].path);
    return 0;
}

static int bind(const struct bound *bound, struct viv_error *err)
{
    char source[64];

    snprintf(source, sizeof(source), "/%s", bound->path);
    if (mount(source, bound->path, NULL, MS_BIND | MS_REC, NULL) == 0)
        return 0;
    if (errno == ENOENT && !bound->needed)
        return 0;
    return can_not(err, "bind", bound->path);
}

static int bind_all(const struct bound *table, size_t count, struct viv_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (bind(&table[i], err) < 0)
            return -1;
    return 0;
}

/* --- what a profile asks for -------------------------------------------------- */

static int can_not_show(struct viv_error *err, const char *path)
{
    return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "read_only_paths: can't show %.200s", path);
}

/* The folders above `path`. */
static int make_parents(const char *path, struct viv_error *err)
{
    char parent[PATH_MAX];

    if (strlen(path) >= sizeof(parent)) {
        errno = ENAMETOOLONG;
        return can_not_show(err, path);
    }
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path - 1), path + 1);
        if (mkdir(parent, 0755) < 0 && errno != EEXIST && errno != EROFS)
            return can_not_show(err, path);
    }
    return 0;
}

/* Below one that is shown already it is there. */
static int make_place(const char *path, bool folder, struct viv_error *err)
{
    if (make_parents(path, err) < 0)
        return -1;
    if (access(path + 1, F_OK) == 0)
        return 0;
    if ((folder ? mkdir(path + 1, 0755) : make_file(path + 1, NULL)) < 0)
        return can_not_show(err, path);
    return 0;
}

static int show(const char *path, struct viv_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return can_not_show(err, path);
    if (make_place(path, S_ISDIR(st.st_mode), err) < 0)
        return -1;
    return mount(path, path + 1, NULL, MS_BIND | MS_REC, NULL) < 0 ? can_not_show(err, path) : 0;
}

static int show_all(const char *const *paths, struct viv_error *err)
{
    for (; paths && *paths; paths++)
        if (show(*paths, err) < 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------------------ */

static int set_attributes(const char *path, unsigned flags, unsigned long long attributes)
{
    struct mount_attr attr = {.attr_set = attributes};

    return mount_setattr(AT_FDCWD, path, flags, &attr, sizeof(attr));
}

/* Read-only before the devices come, which must stay devices. */
static int lock_down(struct viv_error *err)
{
    if (set_attributes(".", AT_RECURSIVE,
                       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) < 0)
        return can_not(err, "make read-only (Linux 5.12 is needed):", "");
    if (bind_all(devices, COUNT(devices), err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(devices); i++)
        if (set_attributes(devices[i].path, 0,
                           MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) < 0)
            return can_not(err, "restrict", devices[i].path);
    return 0;
}

/* A worker may mount a /proc of its own only where a whole one is in sight
 * (the kernel's mount_too_revealing()), so the zygote mounts one first. */
static int mount_proc(struct viv_error *err)
{
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
        return 0;
    if (errno == EPERM)
        return 0;
    return can_not(err, "mount", "proc");
}

static int move_in(struct viv_error *err)
{
    /* Both at one place, the old one on top: no folder for it is needed. */
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return can_not(err, "move into", "");
    return 0;
}

static int mount_shared(struct viv_error *err)
{
    static const char *const places[] = {"tmp", "dev/shm"};

    for (size_t i = 0; i < COUNT(places); i++)
        if (mount("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=256m") < 0)
            return can_not(err, "mount a tmpfs on", places[i]);
    return 0;
}

static int build(bool shared, const char *const *paths, struct viv_error *err)
{
    if (chdir(SITE) < 0)
        return can_not(err, "enter", "tmp");
    umask(022);
    if (make_tree(err) < 0 || bind_all(trees, COUNT(trees), err) < 0 ||
        bind_all(files, COUNT(files), err) < 0 || show_all(paths, err) < 0 || mount_proc(err) < 0 ||
        lock_down(err) < 0)
        return -1;
    if (shared && mount_shared(err) < 0)
        return -1;
    return move_in(err);
}

int viv_rootfs_enter(bool shared, const char *const *paths, struct viv_error *err)
{
    /* What is mounted here must not show outside. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return can_not(err, "make private:", "");
    if (mount("viv-root", SITE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") < 0)
        return can_not(err, "mount a tmpfs on", "tmp");
    if (build(shared, paths, err) == 0)
        return 0;
    if (chdir("/") < 0 || umount2(SITE, MNT_DETACH) < 0)
        return can_not(err, "leave", "tmp");
    return -1;
}
