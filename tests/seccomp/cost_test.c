/* What the filter costs: to make, to install, and on a call that it lets pass. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "worker/seccomp.h"

#define ROUNDS 101
#define CALLS 300000

static struct viv_seccomp filter;

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), ascending);
    return values[ROUNDS / 2];
}

static double ns_a_call(void)
{
    double began = now_us();

    for (int i = 0; i < CALLS; i++)
        syscall(SYS_getppid);
    return (now_us() - began) * 1e3 / CALLS;
}

/* In a child: how long the installation took, and a call after it. */
static void installed(double *ret_us, double *ret_call_ns)
{
    double *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();

    if (pid == 0) {
        double began;

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        began = now_us();
        if (viv_seccomp_install(&filter, NULL) < 0)
            _exit(1);
        shared[0] = now_us() - began;
        shared[1] = ret_call_ns ? ns_a_call() : 0;
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    *ret_us = shared[0];
    if (ret_call_ns)
        *ret_call_ns = shared[1];
    munmap(shared, 4096);
}

static void it_costs_little(void **state)
{
    struct viv_seccomp_config config = {0};
    double install[ROUNDS], began = now_us(), made, with, without = ns_a_call(), one;

    assert_int_equal(viv_seccomp_build(&config, &filter, NULL), 0);
    made = now_us() - began - without * CALLS / 1e3;
    for (int i = 0; i < ROUNDS; i++)
        installed(&install[i], NULL);
    installed(&one, &with);
    fprintf(stderr,
            "filter of %u instructions: made once %.0f us, installed %.1f us (median of %d)\n"
            "getppid: %.0f ns without, %.0f ns with\n",
            filter.len, made, median(install), ROUNDS, without, with);
    assert_true(install[ROUNDS / 2] < 5000);
    viv_seccomp_release(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_costs_little)};

    return cmocka_run_group_tests_name("seccomp cost", tests, NULL, NULL);
}
