/* What the kernel writes in /proc/<pid>/cgroup, /proc/<pid>/mountinfo and in the
 * files of a control group. Pure: text in, values out, never beyond `len`.
 * Outputs are untouched where the return is -1 or false. */
#ifndef VIVARIUM_CGROUP_TEXT_H
#define VIVARIUM_CGROUP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VIV_CGROUP_PATH 512
#define VIV_CGROUP_NAME 96

struct viv_cgroup_mount {
    char point[VIV_CGROUP_PATH];
    char root[VIV_CGROUP_PATH]; /* what of the hierarchy is mounted there */
    bool read_only;
};

/* "123\n" or "max\n", which is UINT64_MAX. */
int viv_cgroup_text_number(const char *text, size_t len, uint64_t *ret);

/* The value of one line "key 123" of a flat keyed file. */
int viv_cgroup_text_field(const char *text, size_t len, const char *key, uint64_t *ret);

/* Whether a list of words holds this one. */
bool viv_cgroup_text_has(const char *text, size_t len, const char *word);

/* At most `room` process ids, one a line; ids that this pid namespace can't see
 * are 0 and left out. Returns how many. */
size_t viv_cgroup_text_pids(const char *text, size_t len, pid_t *ret, size_t room);

/* Our group in the hierarchy of a version 1 controller, or in version 2's
 * ("0::/path") where `controller` is NULL, from /proc/self/cgroup. */
int viv_cgroup_text_own(const char *text, size_t len, const char *controller,
                        char ret[VIV_CGROUP_PATH]);

/* Where that is mounted, from /proc/self/mountinfo; the first of several. */
int viv_cgroup_text_mount(const char *text, size_t len, const char *controller,
                          struct viv_cgroup_mount *ret);

/* `own`, as it is called below the mount point, without a leading slash; "" is
 * the mount point itself. -1: it is outside of what is mounted. */
int viv_cgroup_text_below(const char *own, const char *root, char ret[VIV_CGROUP_PATH]);

/* The name of a supervisor's root, "vivarium-<pid>-<n>", and whether this is
 * one: the group of somebody's container may be called "vivarium-" and what not. */
void viv_cgroup_text_root(int pid, unsigned n, char ret[VIV_CGROUP_NAME]);
bool viv_cgroup_text_is_root(const char *name);

/* A folder name for a tenant: a number that makes it unique, and as much of the
 * tenant's own name as is harmless in a path. */
void viv_cgroup_text_tenant(unsigned number, const char *tenant, char ret[VIV_CGROUP_NAME]);

/* A total that is exact, split as two counts say that are not. */
void viv_cgroup_text_split(uint64_t total, uint64_t user, uint64_t system, uint64_t *ret_user,
                           uint64_t *ret_system);

#endif
