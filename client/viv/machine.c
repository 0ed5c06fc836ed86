#include "client/viv/machine.h"

#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CGROUPS "/sys/fs/cgroup"

static bool has_line(const char *path, const char *part)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (f && !found && getline(&line, &room, f) > 0)
        found = strstr(line, part) != NULL;
    free(line);
    if (f)
        fclose(f);
    return found;
}

const char *viv_machine_cgroups(void)
{
    struct statfs fs;

    if (statfs(CGROUPS, &fs) < 0)
        return "none";
    if (fs.f_type == CGROUP2_SUPER_MAGIC)
        return "v2";
    if (!has_line("/proc/self/mountinfo", " - cgroup "))
        return "none";
    return has_line("/proc/self/mountinfo", " - cgroup2 ") ? "v1 and v2" : "v1";
}

const char *viv_machine_container(void)
{
    if (getenv("KUBERNETES_SERVICE_HOST"))
        return "Kubernetes";
    if (access("/.dockerenv", F_OK) == 0)
        return "Docker";
    if (access("/run/.containerenv", F_OK) == 0)
        return "Podman";
    if (getenv("container"))
        return "a container";
    /* What the engines have in common: places in /proc that are covered. */
    if (has_line("/proc/self/mountinfo", " /proc/sys "))
        return "a container";
    return "";
}

char *viv_machine_folder(void)
{
    char path[4096], *slash;
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n < 0)
        return NULL;
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return strdup(path);
}
