#include "worker/strays.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "worker/sys.h"

/* Of the only thread. */
#define CHILDREN "thread-self/children"

int viv_strays_check(int proc, struct viv_error *err)
{
    VIV_CLOSING int fd = openat(proc, CHILDREN, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                              "without a pid namespace /proc/%s is needed (CONFIG_PROC_CHILDREN)",
                              CHILDREN);
    return 0;
}

unsigned viv_strays_kill(int proc, bool (*known)(void *arg, pid_t pid), void *arg)
{
    int fd = openat(proc, CHILDREN, O_RDONLY | O_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    unsigned count = 0;
    int pid;

    if (!f) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    /* A child's pid is its own until it is reaped. */
    while (fscanf(f, "%d", &pid) == 1)
        if (!known(arg, pid)) {
            kill(pid, SIGKILL);
            count++;
        }
    fclose(f);
    return count;
}
