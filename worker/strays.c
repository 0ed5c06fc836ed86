#include "worker/strays.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/sys.h"

/* Of the zygote's only thread. */
#define CHILDREN "thread-self/children"

struct list {
    pid_t *pids;
    size_t count, room;
};

int viv_strays_check(int proc, struct viv_error *err)
{
    VIV_CLOSING int fd = openat(proc, CHILDREN, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                              "without a pid namespace /proc/%s is needed (CONFIG_PROC_CHILDREN)",
                              CHILDREN);
    return 0;
}

static bool has(const struct list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->pids[i] == pid)
            return true;
    return false;
}

/* Where memory is out, the rest has its turn when these are gone. */
static void add(struct list *list, pid_t pid)
{
    if (list->count == list->room) {
        size_t room = list->room * 2 + 64;
        pid_t *grown = realloc(list->pids, room * sizeof(*grown));

        if (!grown)
            return;
        list->pids = grown;
        list->room = room;
    }
    list->pids[list->count++] = pid;
}

/* Adds the children that a file of the kernel's lists. */
static void add_listed(int dir, const char *path, struct list *list)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    int pid;

    if (!f) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while (fscanf(f, "%d", &pid) == 1)
        if (!has(list, pid))
            add(list, pid);
    fclose(f);
}

/* Those of all its threads. */
static void add_children(int proc, pid_t pid, struct list *list)
{
    char path[300];
    struct dirent *entry;
    DIR *threads;
    int fd;

    snprintf(path, sizeof(path), "%d/task", (int)pid);
    fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    threads = fd >= 0 ? fdopendir(fd) : NULL;
    if (!threads) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(threads))) {
        snprintf(path, sizeof(path), "%s/children", entry->d_name);
        if (entry->d_name[0] != '.')
            add_listed(fd, path, list);
    }
    closedir(threads);
}

/* Until a whole round finds nobody new. */
static void stop_all(int proc, struct list *list)
{
    size_t before;

    do {
        before = list->count;
        for (size_t i = 0; i < list->count; i++) {
            kill(list->pids[i], SIGSTOP);
            add_children(proc, list->pids[i], list);
        }
    } while (list->count > before);
}

static void drop_known(struct list *list, bool (*known)(void *arg, pid_t pid), void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!known(arg, list->pids[i]))
            list->pids[kept++] = list->pids[i];
    list->count = kept;
}

size_t viv_strays_kill(int proc, bool (*known)(void *arg, pid_t pid), void *arg)
{
    struct list list = {0};
    size_t count;

    add_listed(proc, CHILDREN, &list);
    drop_known(&list, known, arg);
    count = list.count;
    stop_all(proc, &list);
    for (size_t i = 0; i < list.count; i++)
        kill(list.pids[i], SIGKILL);
    free(list.pids);
    return count;
}
