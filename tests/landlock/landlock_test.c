/* Landlock alone: no namespace, no mount, no filter beside it. */
#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char scratch[] = "/tmp/vivarium-landlock-XXXXXX";

static void needs(int version)
{
    const char *why;
    int abi = viv_landlock_abi(&why);

    if (abi >= version)
        return;
    fprintf(stderr, "SKIPPED: Landlock ABI %d, %d is needed: %s\n", abi, version, why);
    skip();
}

/* The errno of an attempt in a child, 0 where it worked. */
static int attempt(int (*what)(void), int confined)
{
    const char *const read[] = {"/usr", "/lib", "/lib64", "/nowhere/at/all", NULL};
    const char *const list[] = {"/usr", "/var", NULL};
    const char *const write[] = {scratch, "/dev/null", NULL};
    struct viv_landlock_config config = {.list = list, .read = {read}, .write = {write}};
    pid_t pid = fork();
    int status, abi;

    if (pid == 0) {
        if (confined && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                         viv_landlock_enter(&config, &abi, NULL) < 0 || abi < 1))
            _exit(250);
        _exit(what() < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 251;
}

static int read_a_library(void)
{
    return open("/usr/bin/env", O_RDONLY);
}

static int write_scratch(void)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/file", scratch);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
}

static int write_nothing(void)
{
    return open("/dev/null", O_WRONLY);
}

static int list_names(void)
{
    return open("/var/lib", O_RDONLY | O_DIRECTORY);
}

static int run_a_program(void)
{
    execl("/usr/bin/true", "true", (char *)NULL);
    return -1;
}

static int read_a_secret(void)
{
    return open("/etc/hostname", O_RDONLY);
}

static int list_a_home(void)
{
    return open("/root", O_RDONLY | O_DIRECTORY);
}

static int write_a_library(void)
{
    return open("/usr/lib/vivarium-test", O_WRONLY | O_CREAT, 0600);
}

static int make_a_device(void)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/device", scratch);
    return mknod(path, S_IFCHR | 0600, 1 << 8 | 3);
}

static int listen_on_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static void what_is_allowed_works(void **state)
{
    needs(1);
    assert_int_equal(attempt(read_a_library, 1), 0);
    assert_int_equal(attempt(write_scratch, 1), 0);
    assert_int_equal(attempt(write_nothing, 1), 0);
    assert_int_equal(attempt(list_names, 1), 0);
    assert_int_equal(attempt(run_a_program, 1), 0);
}

static void refused(int (*what)(void))
{
    assert_int_equal(attempt(what, 1), EACCES);
    if (attempt(what, 0) != 0)
        fprintf(stderr, "SKIPPED: one attempt fails here without Landlock too\n");
}

static void what_is_not_is_refused_by_it_alone(void **state)
{
    needs(1);
    refused(read_a_secret);
    refused(list_a_home);
    refused(write_a_library);
    unlink("/usr/lib/vivarium-test");
    refused(make_a_device);
}

static void no_tcp(void **state)
{
    needs(4);
    refused(listen_on_tcp);
}

static int begin(void **state)
{
    return mkdtemp(scratch) ? 0 : -1;
}

static int finish(void **state)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/file", scratch);
    unlink(path);
    snprintf(path, sizeof(path), "%s/device", scratch);
    unlink(path);
    return rmdir(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_works),
        cmocka_unit_test(what_is_not_is_refused_by_it_alone),
        cmocka_unit_test(no_tcp),
    };

    return cmocka_run_group_tests_name("landlock", tests, begin, finish);
}
