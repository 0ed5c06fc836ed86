#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/nest.h"
#include "worker/sys.h"

typedef void life(const struct viv_seat *seat);

static int clone_into(const struct viv_seat *seat, life *live, pid_t *ret_pid, int *ret_pidfd,
                      struct viv_error *err)
{
    int pidfd = -1;
    unsigned born_in = seat->netns >= 0 ? CLONE_NEWNET : 0;
    struct clone_args args = {
        .flags = ((unsigned)viv_nest_flags(seat->layers.present) & ~born_in) | CLONE_PIDFD |
                 (seat->group >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = seat->group >= 0 ? (unsigned)seat->group : 0,
    };
    pid_t pid;

    seat->ops->before_clone(seat->vm);
    pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    /* Container engines' filters can't look into clone3 and hide it. Its elder
     * knows no control groups: outside of them nobody may be born unasked. */
    if (pid < 0 && errno == ENOSYS && seat->group < 0)
        pid = (pid_t)syscall(SYS_clone, args.flags | SIGCHLD, NULL, &pidfd, NULL, 0);
    if (pid == 0)
        live(seat);
    seat->ops->after_clone_parent(seat->vm);
    if (pid < 0)
        return viv_fail_errno(err, VIV_UNAVAILABLE, "can't clone a worker");
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}

int viv_spawn(const struct viv_seat *seat, pid_t *ret_pid, int *ret_pidfd, struct viv_error *err)
{
    return clone_into(seat, viv_init_run, ret_pid, ret_pidfd, err);
}

static int read_trial(int fd, uint64_t *ret_layers, struct viv_error *err)
{
    struct viv_init_trial trial;

    if (read(fd, &trial, sizeof(trial)) != sizeof(trial))
        return viv_fail(err, VIV_FAILED_PRECONDITION, "a worker died on its way into the jail");
    if (trial.error.status != VIV_OK)
        return viv_fail(err, trial.error.status, "%s", trial.error.text);
    *ret_layers = trial.layers;
    return 0;
}

int viv_spawn_trial(const struct viv_seat *seat, uint64_t *ret_layers, struct viv_error *err)
{
    struct viv_seat trial = *seat;
    VIV_CLOSING int pidfd = -1;
    int ends[2], rc;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create a pipe");
    trial.channel = ends[1];
    rc = clone_into(&trial, viv_init_try, &pid, &pidfd, err);
    close(ends[1]);
    if (rc == 0) {
        rc = read_trial(ends[0], ret_layers, err);
        waitpid(pid, NULL, 0);
    }
    close(ends[0]);
    return rc;
}
