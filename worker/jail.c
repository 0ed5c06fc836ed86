#include "worker/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proto/zygote.h"
#include "worker/jail_parts.h"
#include "worker/landlock.h"
#include "worker/sys.h"

#define BIT(layer) (UINT64_C(1) << (layer))

#define NAMESPACES                                                       \
    (BIT(VIV_LAYER_USER_NAMESPACE) | BIT(VIV_LAYER_PID_NAMESPACE) |      \
     BIT(VIV_LAYER_MOUNT_NAMESPACE) | BIT(VIV_LAYER_NETWORK_NAMESPACE) | \
     BIT(VIV_LAYER_IPC_NAMESPACE) | BIT(VIV_LAYER_UTS_NAMESPACE))

/* The only id that exists inside is an ordinary user's; root's, outside or in,
 * has no name here. Files of anybody else belong to nobody. */
static int map_ids(int proc, struct viv_error *err)
{
    return viv_sys_map_ids(proc, 1000, 1000, 1000, err);
}

/* kill(0, SIGKILL) and killpg() reach a whole process group, across pid
 * namespaces, where the user is the same: all other workers and the zygote.
 * And a session of its own has no terminal to type into (TIOCSTI). */
static int leave_session(struct viv_error *err)
{
    if (setsid() < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't leave the session");
    return 0;
}

/* A new user namespace is where an unprivileged process finds capabilities and
 * with them most of the kernel's attack surface. This limit is the namespace's
 * own. Where /proc/sys is read-only (containers), the seccomp list must do it. */
static int forbid_namespaces(int proc, struct viv_error *err)
{
    if (viv_sys_write_file(proc, "sys/user/max_user_namespaces", "0") < 0 && errno != EROFS &&
        errno != EACCES && errno != ENOENT)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't forbid user namespaces");
    return 0;
}

/* The host's name tells tenants whether they share a machine. */
static int name_host(struct viv_error *err)
{
    static const char name[] = "vivarium";

    if (sethostname(name, sizeof(name) - 1) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set the host name");
    return 0;
}

/* A descriptor left open is a door: the zygote's link would let user code
 * order workers, another worker's channel would let it speak in its name. */
static int keep_four_descriptors(const struct viv_jail *jail, struct viv_error *err)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(jail->out, 1) < 0 || dup2(jail->err, 2) < 0 ||
        dup3(jail->channel, VIV_JAIL_CHANNEL, O_CLOEXEC) < 0 ||
        close_range(VIV_JAIL_CHANNEL + 1, ~0U, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't arrange descriptors");
    return 0;
}

/* A set-user-id program or one with file capabilities gives nothing. */
static int no_new_privileges(struct viv_error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set no_new_privs");
    return 0;
}

/* What mounts already say, said once more by a mechanism that a hole in theirs
 * leaves whole: nothing but the interpreter's files is read, and /tmp is not a
 * place to execute from. The root itself may be listed, not read. *ret_layers
 * gains the layer where the kernel has it. */
static int restrict_paths(uint64_t *ret_layers, struct viv_error *err)
{
    static const char *const list[] = {"/", NULL};
    static const char *const read[] = {"/usr", "/lib", "/lib64", "/etc", "/proc", "/dev", NULL};
    static const char *const write[] = {"/tmp", "/dev/shm", "/dev/null", "/dev/zero", NULL};
    const struct viv_landlock_config config = {.list = list, .read = read, .write = write};
    int abi;

    if (viv_landlock_enter(&config, &abi, err) < 0)
        return -1;
    if (abi > 0)
        *ret_layers |= BIT(VIV_LAYER_LANDLOCK);
    return 0;
}

int viv_jail_enter(const struct viv_jail *jail, uint64_t *ret_layers, struct viv_error *err)
{
    uint64_t layers = NAMESPACES | BIT(VIV_LAYER_READ_ONLY_ROOT) | BIT(VIV_LAYER_PRIVATE_TMPFS) |
                      BIT(VIV_LAYER_NO_NEW_PRIVS) | BIT(VIV_LAYER_NO_CAPABILITIES) |
                      BIT(VIV_LAYER_RLIMITS) | BIT(VIV_LAYER_SECCOMP);

    if (map_ids(jail->proc, err) < 0)
        return -1;
    if (leave_session(err) < 0)
        return -1;
    if (forbid_namespaces(jail->proc, err) < 0)
        return -1;
    if (name_host(err) < 0)
        return -1;
    if (viv_jail_mounts(err) < 0)
        return -1;
    if (keep_four_descriptors(jail, err) < 0)
        return -1;
    if (viv_jail_limits(err) < 0)
        return -1;
    /* Place of the cgroup namespace: once the process is in its cgroup. */
    if (no_new_privileges(err) < 0)
        return -1;
    if (restrict_paths(&layers, err) < 0)
        return -1;
    if (viv_jail_drop_capabilities(err) < 0)
        return -1;
    /* Last, for its list forbids what the others call. */
    if (viv_seccomp_install(jail->filter, err) < 0)
        return -1;
    *ret_layers = layers;
    return 0;
}
