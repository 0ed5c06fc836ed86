#include "tests/cgroup/inside.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t clone_into(int directory)
{
    struct clone_args args = {.flags = directory >= 0 ? CLONE_INTO_CGROUP : 0,
                              .exit_signal = SIGCHLD,
                              .cgroup = directory >= 0 ? (uint64_t)directory : 0};

    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

pid_t inside(const struct viv_cgroup *cg, unsigned slot, int (*job)(void *arg), void *arg)
{
    struct viv_cgroup_entrance way;
    pid_t pid;

    viv_cgroup_entrance(cg, slot, &way);
    pid = clone_into(way.directory);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < way.door_count; i++)
        if (write(way.doors[i], "0", 1) != 1)
            _exit(250);
    /* As after an exec: the supervisor's lock is not to live on in a worker. */
    close_range(3, ~0U, 0);
    _exit(job(arg));
}

int ended(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return status;
}

int job_touch(void *mebibytes)
{
    size_t len = (size_t)(uintptr_t)mebibytes << 20;
    char *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 1, len);
    return 0;
}

int job_fill(void *shared)
{
    memset(shared, 1, 16 << 20);
    return 0;
}

int job_sleep(void *unused)
{
    for (;;)
        pause();
}

int job_nothing(void *unused)
{
    return 0;
}

int job_fork(void *count)
{
    int got = 0;

    for (uintptr_t i = 0; i < (uintptr_t)count && got < 200; i++) {
        pid_t pid = fork();

        if (pid == 0)
            job_sleep(NULL);
        got += pid > 0;
    }
    return got;
}

double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

int job_burn(void *ms)
{
    double until = now_us() + (double)(uintptr_t)ms * 1e3;

    while (now_us() < until)
        continue;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), ascending);
    return values[count / 2];
}
