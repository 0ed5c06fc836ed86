/* vivarium-worker: puts the worker, a shared library beside this file, into the
 * machine's own python3.11.
 *
 * Debian builds that executable with link-time optimisation and the libraries
 * libpython3.11.so and libpython3.11.a without: user code runs up to 12 %
 * slower in a program linked with the static one, up to 36 % with the shared
 * one (tests/bench/hook_bench). It is also the one that gets the machine's
 * security updates without a build of ours. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTERPRETER "/usr/bin/python3.11"
#define LIBRARY "vivarium-worker.so"

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "vivarium-worker: %s %s: %s\n", what, path, strerrordesc_np(errno));
    return EXIT_FAILURE;
}

/* LD_PRELOAD splits its value at spaces and colons. */
static int preload(const char *path)
{
    if (strpbrk(path, " :") != NULL) {
        errno = EINVAL;
        return -1;
    }
    return setenv("LD_PRELOAD", path, 1);
}

int main(int argc, char **argv)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(LIBRARY));
    char *name;

    if (n < 0)
        return fail("can't read", "/proc/self/exe");
    path[n] = '\0';
    name = strrchr(path, '/') + 1;
    memcpy(name, LIBRARY, sizeof(LIBRARY));
    if (access(path, R_OK) < 0)
        return fail("can't read", path);
    if (preload(path) < 0)
        return fail("no space or colon may be in the path", path);
    execv(INTERPRETER, argv);
    return fail("install the package python3.11: can't execute", INTERPRETER);
}
