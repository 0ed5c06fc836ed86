#include "worker/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/layer.h"
#include "worker/landlock.h"
#include "worker/seccomp.h"
#include "worker/sys.h"

#define CAN_NOT_TELL 255

/* A namespace beside a user namespace, which is what gives the right to it. */
static int enter(int flags)
{
    unsigned uid = geteuid(), gid = getegid();
    VIV_CLOSING int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (unshare(CLONE_NEWUSER | flags) < 0)
        return -1;
    return viv_sys_map_ids(proc, 1000, uid, gid, NULL);
}

static int user_namespace(void)
{
    return enter(0);
}

static int pid_namespace(void)
{
    return enter(CLONE_NEWPID);
}

static int mount_namespace(void)
{
    return enter(CLONE_NEWNS);
}

static int network_namespace(void)
{
    return enter(CLONE_NEWNET);
}

static int ipc_namespace(void)
{
    return enter(CLONE_NEWIPC);
}

static int uts_namespace(void)
{
    /* Some container engines allow the namespace and forbid the name. */
    return enter(CLONE_NEWUTS) < 0 ? -1 : sethostname("vivarium", 8);
}

static int cgroup_namespace(void)
{
    return enter(CLONE_NEWCGROUP);
}

static int private_mounts(int more)
{
    return enter(CLONE_NEWNS | more) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
               ? -1
               : 0;
}

static int private_tmpfs(void)
{
    return private_mounts(0) < 0 ? -1 : mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID, "size=1m");
}

static int read_only_root(void)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    if (private_mounts(0) < 0 || mount("/usr", "/usr", NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    return mount_setattr(AT_FDCWD, "/usr", AT_RECURSIVE, &attr, sizeof(attr));
}

/* The errno of a child's attempt, as its own. */
static int in_child(int (*attempt)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(attempt() < 0 ? errno : 0);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : CAN_NOT_TELL;
    return errno ? -1 : 0;
}

static int mount_proc(void)
{
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_RDONLY, "subset=pid");
}

static int own_proc(void)
{
    return private_mounts(CLONE_NEWPID) < 0 ? -1 : in_child(mount_proc);
}

static int no_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    return (int)syscall(SYS_capset, &header, none);
}

static int rlimits(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none);
}

static int no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int seccomp(void)
{
    struct viv_seccomp_config config = {0};
    struct viv_seccomp filter;

    if (no_new_privileges() < 0 || viv_seccomp_build(&config, &filter, NULL) < 0)
        return -1;
    return viv_seccomp_install(&filter, NULL);
}

static int landlock(void)
{
    struct viv_landlock_config config = {0};
    int abi;

    if (no_new_privileges() < 0 || viv_landlock_enter(&config, &abi, NULL) < 0)
        return -1;
    if (abi > 0)
        return 0;
    errno = EOPNOTSUPP;
    return -1;
}

/* Signals and abstract sockets came with version 6. */
static int landlock_scopes(void)
{
    errno = EOPNOTSUPP;
    return viv_landlock_abi(NULL) >= 6 ? 0 : -1;
}

/* TCP rules came with version 4. */
static int landlock_tcp(void)
{
    errno = EOPNOTSUPP;
    return viv_landlock_abi(NULL) >= 4 ? 0 : -1;
}

#define USERNS                                                                                 \
    "sysctl kernel.unprivileged_userns_clone=1 (Debian), "                                     \
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), user.max_user_namespaces above " \
    "0; in a container a seccomp profile that lets unshare and clone pass"
#define UTS "as user_namespace; in a container a seccomp profile that lets sethostname pass, too"
#define PROC "in a container: no masked paths in /proc (procMount: Unmasked)"
#define MOUNT "Linux 5.12; in a container an AppArmor profile that allows mount"
#define KERNEL "a kernel with CONFIG_SECCOMP_FILTER"
#define LANDLOCK "Linux 5.13 with CONFIG_SECURITY_LANDLOCK, started with lsm=landlock,..."

static const struct {
    const char *name;
    int (*attempt)(void);
    const char *remedy;
    int layer; /* of the jail; -1: a part of one */
} attempts[VIV_PROBES] = {
    {"user_namespace", user_namespace, USERNS, VIV_LAYER_USER_NAMESPACE},
    {"pid_namespace", pid_namespace, USERNS, VIV_LAYER_PID_NAMESPACE},
    {"mount_namespace", mount_namespace, USERNS, VIV_LAYER_MOUNT_NAMESPACE},
    {"network_namespace", network_namespace, USERNS, VIV_LAYER_NETWORK_NAMESPACE},
    {"ipc_namespace", ipc_namespace, USERNS, VIV_LAYER_IPC_NAMESPACE},
    {"uts_namespace", uts_namespace, UTS, VIV_LAYER_UTS_NAMESPACE},
    {"cgroup_namespace", cgroup_namespace, USERNS, VIV_LAYER_CGROUP_NAMESPACE},
    {"read_only_root", read_only_root, MOUNT, VIV_LAYER_READ_ONLY_ROOT},
    {"private_tmpfs", private_tmpfs, MOUNT, VIV_LAYER_PRIVATE_TMPFS},
    {"private_proc", own_proc, PROC, VIV_LAYER_PRIVATE_PROC},
    {"no_new_privs", no_new_privileges, "Linux 3.5", VIV_LAYER_NO_NEW_PRIVS},
    {"no_capabilities", no_capabilities, "a seccomp profile that lets capset pass",
     VIV_LAYER_NO_CAPABILITIES},
    {"rlimits", rlimits, "a seccomp profile that lets setrlimit pass", VIV_LAYER_RLIMITS},
    {"landlock", landlock, LANDLOCK, VIV_LAYER_LANDLOCK},
    {"landlock_tcp", landlock_tcp, "Linux 6.7 with Landlock", -1},
    {"landlock_scopes", landlock_scopes, "Linux 6.12 with Landlock", -1},
    {"seccomp", seccomp, KERNEL, VIV_LAYER_SECCOMP},
};

static void explain(struct viv_probe *p, int (*attempt)(void))
{
    const char *why = "";

    if (attempt == landlock || attempt == landlock_tcp || attempt == landlock_scopes) {
        int abi = viv_landlock_abi(&why);

        if (abi > 0)
            snprintf(p->why, sizeof(p->why), "ABI %d", abi);
        else
            snprintf(p->why, sizeof(p->why), "%s", why);
    } else if (!p->present) {
        snprintf(p->why, sizeof(p->why), "%s",
                 p->error == CAN_NOT_TELL ? "the attempt was killed" : strerror(p->error));
    }
}

/* Where a /proc can be had by nobody, workers have none, which needs no
 * permission: the layer is about others' processes (rootfs.c). */
static void judge_proc(const struct viv_probe all[VIV_PROBES], struct viv_probe *proc)
{
    bool possible = true;

    for (unsigned i = 0; i < VIV_PROBES; i++)
        if (strcmp(all[i].name, "pid_namespace") == 0 || strcmp(all[i].name, "read_only_root") == 0)
            possible = possible && all[i].present;
    if (proc->present || !possible)
        return;
    proc->flag = "";
    snprintf(proc->why, sizeof(proc->why), "workers will have no /proc at all");
}

void viv_probe_all(struct viv_probe ret[VIV_PROBES])
{
    for (unsigned i = 0; i < VIV_PROBES; i++) {
        struct viv_probe p = {.name = attempts[i].name, .remedy = "", .flag = ""};

        p.present = in_child(attempts[i].attempt) == 0;
        if (!p.present) {
            p.error = errno;
            p.remedy = attempts[i].remedy;
            if (attempts[i].layer >= 0)
                p.flag = viv_layer_name((unsigned)attempts[i].layer);
        }
        explain(&p, attempts[i].attempt);
        ret[i] = p;
    }
    for (unsigned i = 0; i < VIV_PROBES; i++)
        if (attempts[i].attempt == own_proc)
            judge_proc(ret, &ret[i]);
}
