/* Runs a program under the worker's filter, or without it.
 *
 * usage: filtered [--off] [--network] PROGRAM [ARGUMENT...] */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "worker/seccomp.h"

static int enter(const struct viv_seccomp_config *config)
{
    struct viv_seccomp filter;
    struct viv_error error;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        viv_seccomp_build(config, &filter, &error) < 0 ||
        viv_seccomp_install(&filter, &error) < 0) {
        fprintf(stderr, "filtered: %s\n", error.text);
        return -1;
    }
    viv_seccomp_release(&filter);
    return 0;
}

int main(int argc, char **argv)
{
    struct viv_seccomp_config config = {0};
    int off = 0, i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        off = off || strcmp(argv[i], "--off") == 0;
        config.network = config.network || strcmp(argv[i], "--network") == 0;
    }
    if (i >= argc || (!off && enter(&config) < 0))
        return 2;
    execv(argv[i], argv + i);
    perror(argv[i]);
    return 2;
}
