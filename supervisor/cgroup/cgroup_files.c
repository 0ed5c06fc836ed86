#include "supervisor/cgroup/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_text.h"

int viv_cgroup_files_open(const char *point, const char *name, int *ret_dir)
{
    char path[3 * VIV_CGROUP_PATH];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", point, name);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    *ret_dir = fd;
    return 0;
}

int viv_cgroup_files_write(int dir, const char *file, const char *text)
{
    int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
    ssize_t n;
    int saved;

    if (fd < 0)
        return -1;
    n = write(fd, text, strlen(text));
    saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 0;
}

int viv_cgroup_files_write_number(int dir, const char *file, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return viv_cgroup_files_write(dir, file, text);
}

ssize_t viv_cgroup_files_read(int dir, const char *file, char ret[VIV_CGROUP_FILE])
{
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    int saved;

    if (fd < 0)
        return -1;
    n = read(fd, ret, VIV_CGROUP_FILE);
    saved = errno;
    close(fd);
    errno = saved;
    return n;
}

static ssize_t reread(int fd, char ret[VIV_CGROUP_FILE])
{
    return fd < 0 ? -1 : pread(fd, ret, VIV_CGROUP_FILE, 0);
}

int viv_cgroup_files_kept_number(int fd, uint64_t *ret)
{
    char text[VIV_CGROUP_FILE];
    ssize_t n = reread(fd, text);

    return n < 0 ? -1 : viv_cgroup_text_number(text, (size_t)n, ret);
}

int viv_cgroup_files_kept_fields(int fd, const char *const *keys, unsigned count, uint64_t *ret)
{
    char text[VIV_CGROUP_FILE];
    ssize_t n = reread(fd, text);

    if (n < 0)
        return -1;
    for (unsigned i = 0; i < count; i++)
        viv_cgroup_text_field(text, (size_t)n, keys[i], &ret[i]);
    return 0;
}

int viv_cgroup_files_number(int dir, const char *file, uint64_t *ret)
{
    char text[VIV_CGROUP_FILE];
    ssize_t n = viv_cgroup_files_read(dir, file, text);

    return n < 0 ? -1 : viv_cgroup_text_number(text, (size_t)n, ret);
}

int viv_cgroup_files_field(int dir, const char *file, const char *key, uint64_t *ret)
{
    char text[VIV_CGROUP_FILE];
    ssize_t n = viv_cgroup_files_read(dir, file, text);

    return n < 0 ? -1 : viv_cgroup_text_field(text, (size_t)n, key, ret);
}

/* Between the reading and the killing a process may end; its number could only
 * be somebody else's after a whole round of all process ids. */
size_t viv_cgroup_files_kill(int dir)
{
    char text[VIV_CGROUP_FILE];
    pid_t pids[VIV_CGROUP_FILE / 2];
    ssize_t n = viv_cgroup_files_read(dir, "cgroup.procs", text);
    size_t count = 0;

    if (n == VIV_CGROUP_FILE) /* the last line may be cut */
        while (n > 0 && text[n - 1] != '\n')
            n--;
    if (n > 0)
        count = viv_cgroup_text_pids(text, (size_t)n, pids, sizeof(pids) / sizeof(pids[0]));
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    return count;
}

char *viv_cgroup_files_slurp(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t room = 0;
    char *text = NULL;

    if (!file)
        return NULL;
    if (getdelim(&text, &room, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}
