#include "supervisor/process_tree.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* ioctl(2) of a pidfd, since Linux 6.13 (include/uapi/linux/pidfd.h). */
struct pidfd_info_v0 {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "PIDFD_INFO_SIZE_VER0");
#define PIDFD_INFO_PID (UINT64_C(1) << 0)
#define PIDFD_GET_INFO_V0 _IOWR(0xff, 11, struct pidfd_info_v0)

static pid_t pid_by_ioctl(int pidfd)
{
    struct pidfd_info_v0 info = {.mask = PIDFD_INFO_PID};

    return ioctl(pidfd, PIDFD_GET_INFO_V0, &info) == 0 && (info.mask & PIDFD_INFO_PID)
               ? (pid_t)info.pid
               : -1;
}

static pid_t pid_by_file(int pidfd)
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

pid_t process_tree_pid(int pidfd)
{
    pid_t pid = pid_by_ioctl(pidfd);

    return pid > 0 ? pid : pid_by_file(pidfd);
}

#define TREE_MAX 1024

struct tree {
    unsigned count; /* the root included */
    unsigned most;
    pid_t pids[TREE_MAX + 1];
};

/* The children of one thread. */
static void add_children(struct tree *tree, pid_t pid, const char *thread)
{
    char path[64];
    int child;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, thread);
    f = fopen(path, "re");
    if (!f)
        return;
    while (tree->count <= tree->most && fscanf(f, "%d", &child) == 1)
        tree->pids[tree->count++] = child;
    fclose(f);
}

static void add_below(struct tree *tree, pid_t pid)
{
    char path[64];
    struct dirent *thread;
    DIR *threads;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    threads = opendir(path);
    while (threads && (thread = readdir(threads)))
        if (thread->d_name[0] != '.')
            add_children(tree, pid, thread->d_name);
    if (threads)
        closedir(threads);
}

static void walk(pid_t pid, unsigned most, struct tree *ret)
{
    ret->most = most < TREE_MAX ? most : TREE_MAX;
    ret->pids[0] = pid;
    ret->count = 1;
    for (unsigned done = 0; done < ret->count; done++)
        add_below(ret, ret->pids[done]);
}

unsigned process_tree_count(pid_t pid, unsigned most)
{
    struct tree tree;

    walk(pid, most, &tree);
    return tree.count - 1;
}

static uint64_t rss_of(pid_t pid)
{
    unsigned long long pages = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* -1: the kernel doesn't tell. */
static int64_t pss_of(pid_t pid)
{
    long long kib = -1;
    char path[64], line[128];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return -1;
    while (kib < 0 && fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %lld", &kib) != 1)
            kib = -1;
    fclose(f);
    return kib < 0 ? -1 : kib * 1024;
}

uint64_t process_tree_rss_bytes(pid_t pid)
{
    uint64_t sum = 0;
    struct tree tree;

    walk(pid, TREE_MAX, &tree);
    for (unsigned i = 1; i < tree.count; i++)
        sum += rss_of(tree.pids[i]);
    return sum;
}

/* One that has ended meanwhile holds nothing. */
uint64_t process_tree_pss_bytes(pid_t pid, uint64_t otherwise)
{
    uint64_t sum = 0;
    struct tree tree;
    bool told = false;

    walk(pid, TREE_MAX, &tree);
    for (unsigned i = 1; i < tree.count; i++) {
        int64_t pss = pss_of(tree.pids[i]);

        told = told || pss >= 0;
        sum += pss > 0 ? (uint64_t)pss : 0;
    }
    return told ? sum : otherwise;
}

int64_t process_tree_cpu_ns(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return -1;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
