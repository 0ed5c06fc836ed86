/* libcgroup, all of it that we use. Its calls take hundreds of file operations
 * where a kept descriptor takes one, so what happens for each execution is not
 * here (DESIGN.md has the figures). Nor is deleting: cgroup_delete_cgroup()
 * moves what is left in a group to its parent, and so out of its limits. */
#include <errno.h>
#include <libcgroup.h>
#include <pthread.h>
#include <string.h>

#include "supervisor/cgroup/cgroup_parts.h"

/* Its table of what is mounted is the process's, made anew by each supervisor that starts,
 * and read without a lock. */
static pthread_mutex_t whole_process = PTHREAD_MUTEX_INITIALIZER;

static int lib_fail(struct viv_error *err, int code, const char *what, const char *name)
{
    if (code == ECGOTHER)
        errno = cgroup_get_last_errno();
    else
        errno = code == ECGROUPNOTALLOWED ? EPERM : EINVAL;
    return viv_fail(err, VIV_FAILED_PRECONDITION, "can't %s control group %s: %s", what, name,
                    code == ECGOTHER ? strerror(errno) : cgroup_strerror(code));
}

int viv_cgroup_lib_start(void)
{
    int code;

    pthread_mutex_lock(&whole_process);
    /* The daemon logs; a library doesn't. */
    cgroup_set_loglevel(-1);
    code = cgroup_init();
    pthread_mutex_unlock(&whole_process);
    return code ? -1 : 0;
}

/* A description with one controller. */
static struct cgroup *describe(const char *controller, const char *name)
{
    struct cgroup *group = cgroup_new_cgroup(name);

    if (group && !cgroup_add_controller(group, controller))
        cgroup_free(&group);
    return group;
}

static int make(const char *controller, const char *name, struct viv_error *err)
{
    struct cgroup *group = describe(controller, name);
    int code;

    if (!group)
        return viv_fail(err, VIV_INTERNAL, "no memory for a control group");
    /* 1: ownership stays as the kernel gives it. */
    errno = 0;
    code = cgroup_create_cgroup(group, 1);
    cgroup_free(&group);
    return code ? lib_fail(err, code, "create", name) : 0;
}

int viv_cgroup_lib_make(const char *controller, const char *name, struct viv_error *err)
{
    int rc;

    pthread_mutex_lock(&whole_process);
    rc = make(controller, name, err);
    pthread_mutex_unlock(&whole_process);
    return rc;
}

static int attach(const char *controller, const char *name, pid_t pid, struct viv_error *err)
{
    struct cgroup *group = describe(controller, name);
    int code;

    if (!group)
        return viv_fail(err, VIV_INTERNAL, "no memory for a control group");
    code = cgroup_attach_task_pid(group, pid);
    cgroup_free(&group);
    return code ? lib_fail(err, code, "move a process into", name) : 0;
}

int viv_cgroup_lib_attach(const char *controller, const char *name, pid_t pid,
                          struct viv_error *err)
{
    int rc;

    pthread_mutex_lock(&whole_process);
    rc = attach(controller, name, pid, err);
    pthread_mutex_unlock(&whole_process);
    return rc;
}
