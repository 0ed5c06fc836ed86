#include "worker/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proto/zygote.h"
#include "worker/jail_parts.h"
#include "worker/landlock.h"
#include "worker/sys.h"

#if defined(__x86_64__)
#define LIBRARIES "/usr/lib/x86_64-linux-gnu"
#elif defined(__aarch64__)
#define LIBRARIES "/usr/lib/aarch64-linux-gnu"
#endif

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

/* Paths of control groups tell names of tenants and the supervisor's place. The
 * one that the process is in becomes "/", so it must be in it already. */
static int hide_cgroups(const struct viv_jail *jail, struct viv_error *err)
{
    if (unshare(CLONE_NEWCGROUP) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't create a cgroup namespace");
    return 0;
}

/* The host's name tells tenants whether they share a machine. */
static int name_host(const struct viv_jail *jail, struct viv_error *err)
{
    static const char name[] = "vivarium";

    if (sethostname(name, sizeof(name) - 1) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't set the host name");
    return 0;
}

/* A descriptor left open is a door: the zygote's link would let user code
 * order workers, another worker's channel would let it speak in its name. */
static int keep_four_descriptors(const struct viv_jail *jail, struct viv_error *err)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(jail->out, 1) < 0 || dup2(jail->err, 2) < 0 ||
        dup2(jail->channel, VIV_JAIL_CHANNEL) < 0 || close_range(VIV_JAIL_CHANNEL + 1, ~0U, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't arrange descriptors");
    return 0;
}

/* A set-user-id program or one with file capabilities gives nothing. */
static int no_new_privileges(const struct viv_jail *jail, struct viv_error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set no_new_privs");
    return 0;
}

/* What mounts already say, said once more by a mechanism that a hole in theirs
 * leaves whole: nothing but the interpreter's files is read, and /tmp is not a
 * place to execute from. Where there is no root of our own, this alone says it:
 * then nothing is listed, and nothing is written where others write. */
static const char *const root_listed[] = {"/", NULL};
static const char *const root_read[] = {"/etc/passwd", "/etc/group", "/proc", NULL};
static const char *const scratch[] = {"/tmp", "/dev/shm", NULL};
static const char *const sinks[] = {"/dev/null", "/dev/zero", NULL};
static const char *const python[] = {
    "/usr/lib/python3.11",
    "/usr/lib/python3",
    LIBRARIES,
    "/usr/lib64",
    "/lib64",
    "/usr/local/lib/python3.11",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    NULL,
};

static int restrict_paths(const struct viv_jail *jail, struct viv_error *err)
{
    const struct viv_layers *layers = &jail->layers;
    bool root = viv_layers_have(layers, VIV_LAYER_READ_ONLY_ROOT);
    bool own = root || viv_layers_have(layers, VIV_LAYER_PRIVATE_TMPFS);
    const struct viv_landlock_config config = {
        .list = root ? root_listed : NULL,
        .read = {python, root ? root_read : NULL, jail->read_only_paths},
        .write = {sinks, own ? scratch : NULL},
        .network = jail->network,
    };
    int abi;

    if (viv_landlock_enter(&config, &abi, err) < 0)
        return -1;
    if (abi == 0) {
        const char *why;

        viv_landlock_abi(&why);
        return viv_fail(err, VIV_FAILED_PRECONDITION, "Landlock is %s", why);
    }
    return 0;
}

/* Last, for its list forbids what the others call. */
static int filter_calls(const struct viv_jail *jail, struct viv_error *err)
{
    return viv_seccomp_install(jail->filter, err);
}

typedef int step_fn(const struct viv_jail *jail, struct viv_error *err);

/* One layer: there, or absent by permission. */
static int take(struct viv_jail *jail, enum viv_layer layer, step_fn *step, struct viv_error *err)
{
    if (!viv_layers_wanted(&jail->layers, layer))
        return 0;
    if (step(jail, err) < 0)
        return viv_layers_lack(&jail->layers, VIV_LAYER_BIT(layer), err);
    jail->layers.present |= VIV_LAYER_BIT(layer);
    return 0;
}

static int enter_namespaces(struct viv_jail *jail, struct viv_error *err)
{
    if (viv_layers_have(&jail->layers, VIV_LAYER_USER_NAMESPACE)) {
        if (map_ids(jail->proc, err) < 0 || forbid_namespaces(jail->proc, err) < 0 ||
            take(jail, VIV_LAYER_CGROUP_NAMESPACE, hide_cgroups, err) < 0)
            return -1;
    }
    /* A namespace with the machine's name in it is none. */
    if (viv_layers_have(&jail->layers, VIV_LAYER_UTS_NAMESPACE)) {
        jail->layers.present &= ~VIV_LAYER_BIT(VIV_LAYER_UTS_NAMESPACE);
        return take(jail, VIV_LAYER_UTS_NAMESPACE, name_host, err);
    }
    return 0;
}

static int enter_mounts(struct viv_jail *jail, struct viv_error *err)
{
    const char *home = "/";

    if (viv_layers_have(&jail->layers, VIV_LAYER_MOUNT_NAMESPACE) &&
        take(jail, VIV_LAYER_PRIVATE_TMPFS, viv_jail_scratch, err) < 0)
        return -1;
    if (viv_layers_have(&jail->layers, VIV_LAYER_MOUNT_NAMESPACE) &&
        viv_layers_have(&jail->layers, VIV_LAYER_PID_NAMESPACE) &&
        take(jail, VIV_LAYER_PRIVATE_PROC, viv_jail_proc, err) < 0)
        return -1;
    if (viv_layers_have(&jail->layers, VIV_LAYER_PRIVATE_TMPFS))
        home = "/tmp";
    return chdir(home) == 0 ? 0 : viv_fail_errno(err, VIV_INTERNAL, "can't enter %s", home);
}

int viv_jail_enter(const struct viv_jail *given, uint64_t *ret_layers, struct viv_error *err)
{
    struct viv_jail jail = *given;

    if (enter_namespaces(&jail, err) < 0)
        return -1;
    if (leave_session(err) < 0)
        return -1;
    if (enter_mounts(&jail, err) < 0)
        return -1;
    if (keep_four_descriptors(&jail, err) < 0)
        return -1;
    if (take(&jail, VIV_LAYER_RLIMITS, viv_jail_limits, err) < 0)
        return -1;
    if (take(&jail, VIV_LAYER_NO_NEW_PRIVS, no_new_privileges, err) < 0)
        return -1;
    if (take(&jail, VIV_LAYER_LANDLOCK, restrict_paths, err) < 0)
        return -1;
    if (take(&jail, VIV_LAYER_NO_CAPABILITIES, viv_jail_drop_capabilities, err) < 0)
        return -1;
    if (take(&jail, VIV_LAYER_SECCOMP, filter_calls, err) < 0)
        return -1;
    *ret_layers = jail.layers.present;
    return 0;
}
