/* Who dies with whom, whatever the supervisor dies of:
 *
 *     supervisor --PDEATHSIG--> stub --PDEATHSIG--> zygote --PID 1--> workers
 *
 * The zygote is PID 1 of its own pid namespace and every worker lives in a
 * namespace below that one. When PID 1 dies, the kernel kills all the rest of
 * the namespace and of those below it with SIGKILL: no signal mask, double
 * fork, setsid or ptrace in hostile code gets around it. PDEATHSIG does not
 * cross a worker, and need not. (A zygote that has to do without the namespace:
 * strays.h.)
 *
 * PDEATHSIG tells of the death of the thread that spawned us. The supervisor
 * spawns its zygote on a thread that lives as long as itself. */
#include "worker/nest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "worker/sys.h"

#define NOBODY 65534

/* The signal comes too late for a parent that is gone already; getppid() can't
 * tell, for the supervisor may be PID 1 of a container. Its end of the link
 * can. */
static int die_with_parent(int link, struct viv_error *err)
{
    char byte;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set the parent death signal");
    if (recv(link, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        return viv_fail(err, VIV_UNAVAILABLE, "the supervisor has gone away");
    return 0;
}

/* Root becomes nobody before anything else: then root's supervisor and an
 * ordinary user's go one way, and no id inside any namespace ever stands for
 * root outside. */
static int drop_root(struct viv_error *err)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) < 0 && errno != EPERM)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't drop supplementary groups");
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                              "can't become uid %d; in a container that doesn't map it, start "
                              "the supervisor as an ordinary user",
                              NOBODY);
    /* Changing ids made /proc/self root's; the id maps are written there. */
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't become dumpable");
    return 0;
}

static int say_forbidden(struct viv_error *err)
{
    if (errno == ENOSPC || errno == EUSERS)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                              "no more user namespaces: raise sysctl user.max_user_namespaces "
                              "and its siblings (max_pid_namespaces, ...)");
    return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                          "user namespaces are forbidden here: allow them with sysctl "
                          "kernel.unprivileged_userns_clone=1 (Debian), sysctl "
                          "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), or a seccomp "
                          "profile that lets unshare pass (containers)");
}

static const struct {
    enum viv_layer layer;
    int flag;
} namespaces[] = {
    {VIV_LAYER_USER_NAMESPACE, CLONE_NEWUSER}, {VIV_LAYER_PID_NAMESPACE, CLONE_NEWPID},
    {VIV_LAYER_MOUNT_NAMESPACE, CLONE_NEWNS},  {VIV_LAYER_NETWORK_NAMESPACE, CLONE_NEWNET},
    {VIV_LAYER_IPC_NAMESPACE, CLONE_NEWIPC},   {VIV_LAYER_UTS_NAMESPACE, CLONE_NEWUTS},
};

#define KINDS (sizeof(namespaces) / sizeof(namespaces[0]))

int viv_nest_flags(uint64_t layers)
{
    int flags = 0;

    for (size_t i = 0; i < KINDS; i++)
        if (layers & VIV_LAYER_BIT(namespaces[i].layer))
            flags |= namespaces[i].flag;
    return flags;
}

/* In a child that ends with it: 0, or -1 with errno. */
static int try_unshare(int flags)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(flags) < 0 ? errno : 0);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    return errno == 0 ? 0 : -1;
}

/* Which of `wanted` can't be had; errno of the first. */
static uint64_t find_lacking(uint64_t wanted)
{
    uint64_t lacking = 0;
    int first = 0;

    for (size_t i = 0; i < KINDS; i++)
        if ((wanted & ~lacking & VIV_LAYER_BIT(namespaces[i].layer)) &&
            try_unshare(CLONE_NEWUSER | namespaces[i].flag) < 0) {
            lacking = viv_layers_close(lacking | VIV_LAYER_BIT(namespaces[i].layer));
            first = first ? first : errno;
        }
    errno = first;
    return lacking;
}

/* All at once; where that fails, each is tried, and those that may be absent
 * are left out. */
static int enter_namespaces(int proc, struct viv_layers *layers, struct viv_error *err)
{
    unsigned uid = geteuid(), gid = getegid();
    uint64_t wanted = (viv_layers_namespaces | VIV_LAYER_BIT(VIV_LAYER_USER_NAMESPACE)) &
                      ~layers->without;

    if (wanted && unshare(viv_nest_flags(wanted)) < 0) {
        uint64_t lacking = find_lacking(wanted);

        say_forbidden(err);
        if (viv_layers_lack(layers, lacking, err) < 0)
            return -1;
        wanted &= ~lacking;
        if (wanted && unshare(viv_nest_flags(wanted)) < 0)
            return say_forbidden(err);
    }
    layers->present |= wanted;
    return wanted ? viv_sys_map_ids(proc, VIV_NEST_ID, uid, gid, err) : 0;
}

/* Without a pid namespace the zygote is whom the orphans of workers come to. */
static int adopt_orphans(const struct viv_layers *layers, struct viv_error *err)
{
    if (viv_layers_have(layers, VIV_LAYER_PID_NAMESPACE))
        return 0;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't become the reaper of orphans");
    return 0;
}

static volatile pid_t below;

static void kill_below(int sig)
{
    kill(below, SIGKILL);
}

static void hold_termination(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(how, &set, NULL);
}

/* The stub stays outside the pid namespace, which only a child can enter. It
 * keeps no descriptor: the supervisor is to see the zygote's end at once. Asked to
 * end by SIGTERM it ends last, so that nothing is left when it is reaped. */
static _Noreturn void wait_and_pass_on(pid_t zygote)
{
    int status = 0;

    below = zygote;
    signal(SIGTERM, kill_below);
    hold_termination(SIG_UNBLOCK);
    close_range(0, ~0U, 0);
    while (waitpid(zygote, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    signal(WTERMSIG(status), SIG_DFL);
    kill(getpid(), WTERMSIG(status));
    _exit(128 + WTERMSIG(status));
}

int viv_nest_enter(int link, struct viv_layers *layers, int *ret_proc, struct viv_error *err)
{
    int proc;
    pid_t zygote;

    /* A session of its own: the terminal's Ctrl-C is for the supervisor. */
    setsid();
    /* First the ids: changing them would take the death signal away. */
    if (drop_root(err) < 0 || die_with_parent(link, err) < 0)
        return -1;
    proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open /proc");
    if (enter_namespaces(proc, layers, err) < 0)
        return -1;
    hold_termination(SIG_BLOCK);
    zygote = fork();
    if (zygote < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't fork the zygote");
    if (zygote > 0)
        wait_and_pass_on(zygote);
    hold_termination(SIG_UNBLOCK);
    if (die_with_parent(link, err) < 0 || adopt_orphans(layers, err) < 0)
        return -1;
    *ret_proc = proc;
    return 0;
}
