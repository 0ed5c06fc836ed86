#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/jail_parts.h"

/* No limit on the address space: numpy and its like reserve far more than they
 * use, and a reservation harms nobody. Memory is limited by the cgroup. */
static const struct {
    int resource;
    const char *name;
    rlim_t value;
} limits[] = {
    /* A core file would carry the zygote's memory onto the host. */
    {RLIMIT_CORE, "core", 0},
    /* Open files are kernel memory. */
    {RLIMIT_NOFILE, "nofile", 1024},
    /* A fork bomb; the kernel counts within the user namespace since 5.14. The
     * cgroup's pids.max is the limit that a tenant can choose. */
    {RLIMIT_NPROC, "nproc", 1024},
    /* Locked pages can't be reclaimed. */
    {RLIMIT_MEMLOCK, "memlock", 64 * 1024},
    /* POSIX message queues are kernel memory. */
    {RLIMIT_MSGQUEUE, "msgqueue", 0},
    /* Signals that wait and timers: counted by user, which all workers are. */
    {RLIMIT_SIGPENDING, "sigpending", 1024},
    /* Nobody overtakes the other tenants. */
    {RLIMIT_NICE, "nice", 0},
    {RLIMIT_RTPRIO, "rtprio", 0},
    /* The same recursion depth on every machine. */
    {RLIMIT_STACK, "stack", 8 * 1024 * 1024},
};

static int set_limit(size_t i, struct viv_error *err)
{
    struct rlimit limit;

    if (getrlimit(limits[i].resource, &limit) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't read rlimit %s", limits[i].name);
    if (limit.rlim_max > limits[i].value)
        limit.rlim_max = limits[i].value;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(limits[i].resource, &limit) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set rlimit %s", limits[i].name);
    return 0;
}

int viv_jail_limits(const struct viv_jail *jail, struct viv_error *err)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (set_limit(i, err) < 0)
            return -1;
    return 0;
}

/* Uid 0, should it ever come back, is a user like any other. */
#define NO_ROOT                                                                              \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                         \
     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | \
     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int bound_capabilities(struct viv_error *err)
{
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return viv_fail_errno(err, VIV_INTERNAL, "can't drop capability %d", cap);
    if (prctl(PR_SET_SECUREBITS, NO_ROOT, 0, 0, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't lock the securebits");
    return 0;
}

/* With capabilities over its own namespaces a worker could mount, trace its
 * init and open raw sockets. Bounding first: dropping it needs CAP_SETPCAP. */
int viv_jail_drop_capabilities(const struct viv_jail *jail, struct viv_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    /* An ordinary user may not, and with no_new_privs it changes nothing. */
    if (viv_layers_have(&jail->layers, VIV_LAYER_USER_NAMESPACE) && bound_capabilities(err) < 0)
        return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't clear ambient capabilities");
    if (syscall(SYS_capset, &header, none) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't drop capabilities");
    return 0;
}
