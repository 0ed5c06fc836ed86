#include "worker/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int viv_sys_write_file(int dir, const char *path, const char *text)
{
    size_t len = strlen(text);
    VIV_CLOSING int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    return write(fd, text, len) == (ssize_t)len ? 0 : -1;
}

uint64_t viv_sys_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int viv_sys_map_ids(int proc, unsigned inside, unsigned outside_uid, unsigned outside_gid,
                    struct viv_error *err)
{
    char text[64];

    /* gid_map wants this first of a process that may not change its groups
     * outside (user_namespaces(7)); EPERM: an outer namespace has done it. */
    if (viv_sys_write_file(proc, "self/setgroups", "deny") < 0 && errno != EPERM)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't write /proc/self/setgroups");
    snprintf(text, sizeof(text), "%u %u 1", inside, outside_uid);
    if (viv_sys_write_file(proc, "self/uid_map", text) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't write /proc/self/uid_map");
    snprintf(text, sizeof(text), "%u %u 1", inside, outside_gid);
    if (viv_sys_write_file(proc, "self/gid_map", text) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't write /proc/self/gid_map");
    return 0;
}
