#include "tests/hostile/limits.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

const char limits_grab[] =
    "import ctypes, os\n"
    "libc = ctypes.CDLL(None)\n"
    "libc.syscall.restype = ctypes.c_void_p\n"
    "def grab(mib):\n"
    "    number = 9 if os.uname().machine == 'x86_64' else 222\n"
    "    size = ctypes.c_size_t(mib << 20)\n"
    "    at = libc.syscall(ctypes.c_long(number), None, size, ctypes.c_long(3),\n"
    "                      ctypes.c_long(0x22), ctypes.c_long(-1), None)\n"
    "    ctypes.memset(at, 1, mib << 20)\n";

void limits_config(struct viv_config *config, unsigned workers)
{
    harness_config(config, NULL);
    config->worker_path = "worker/vivarium-worker";
    config->preload = NULL;
    config->allow_absent = 0;
    config->workers_max = workers;
    config->workers_warm = workers < config->workers_warm ? workers : config->workers_warm;
}

struct run *limits_run(struct viv_supervisor *s, const char *tenant, const char *code,
                       const struct viv_limits *limits)
{
    size_t size = sizeof(limits_grab) + strlen(code);
    char *all = malloc(size);
    struct viv_request request = {.tenant = tenant, .code = all, .code_len = size - 1};
    struct run *r;

    if (limits)
        request.limits = *limits;
    if (request.limits.wall_time_ns == 0)
        request.limits.wall_time_ns = 300000 * MS; /* the guest is slow */
    snprintf(all, size, "%s%s", limits_grab, code);
    r = harness_request(s, &request);
    free(all);
    return r;
}

unsigned limits_count_groups(int pid)
{
    char *roots[] = {"/sys/fs/cgroup", NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    unsigned count = 0;
    char name[32];
    FTSENT *entry;

    snprintf(name, sizeof(name), "vivarium-%d-", pid);
    while ((entry = fts_read(tree)))
        if (entry->fts_info == FTS_D && strncmp(entry->fts_name, name, strlen(name)) == 0)
            count++;
    fts_close(tree);
    return count;
}

unsigned limits_count_mounts(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    unsigned count = 0;
    int c;

    while ((c = fgetc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

bool limits_version2(void)
{
    return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}
