#include "supervisor/process_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

pid_t process_tree_pid(int pidfd)
{
    char path[64], line[128];
    long pid = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    f = fopen(path, "re");
    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, "Pid:", 4) == 0)
            pid = strtol(line + 4, NULL, 10);
    fclose(f);
    return pid > 0 ? (pid_t)pid : -1;
}

/* Reads the children of a process's main thread; a process that a worker forks
 * from another thread is missed here, and dies all the same. */
static unsigned children(pid_t pid, pid_t *pids, unsigned most)
{
    char path[64];
    unsigned count = 0;
    int child;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    while (count < most && fscanf(f, "%d", &child) == 1)
        pids[count++] = child;
    fclose(f);
    return count;
}

#define TREE_MAX 1024

unsigned process_tree_count(pid_t pid, unsigned most)
{
    pid_t pids[TREE_MAX + 1];
    unsigned count = 1, done = 0;

    if (most > TREE_MAX)
        most = TREE_MAX;
    pids[0] = pid;
    while (done < count) {
        unsigned room = most + 1 - count;

        count += children(pids[done++], pids + count, room);
    }
    return count - 1;
}

int64_t process_tree_cpu_ns(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return -1;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
