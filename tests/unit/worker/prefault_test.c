#include "worker/prefault.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define PAGES 64

static size_t page;
static char *memory; /* private, written to before anything forks */
static int proc;

/* Of the learning child. */
static const int touched[] = {3, 4, 5, 20, 63};
#define TOUCHED (sizeof(touched) / sizeof(touched[0]))

static void touch(void)
{
    for (size_t i = 0; i < TOUCHED; i++)
        memory[(size_t)touched[i] * page] = 2;
}

static void rehearse(void *arg)
{
    touch();
}

static void rehearse_badly(void *arg)
{
    _exit(EXIT_FAILURE);
}

static int set_up(void **state)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    proc = open("/proc", O_PATH | O_DIRECTORY);
    if (memory == MAP_FAILED || proc < 0)
        return -1;
    madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
    memset(memory, 1, PAGES * page);
    return 0;
}

static bool is_learned(const struct viv_prefault *p, int number)
{
    const char *at = memory + (size_t)number * page;

    for (size_t i = 0; i < p->count; i++) {
        const char *begin = p->ranges[i].begin;

        if (p->ranges[i].write && at >= begin && at < begin + p->ranges[i].len)
            return true;
    }
    return false;
}

static void what_a_child_writes_to_is_learned(void **state)
{
    struct viv_prefault p;
    unsigned count = 0;

    viv_prefault_learn(proc, rehearse, NULL, &p);
    assert_true(p.count > 0);
    for (size_t i = 0; i < TOUCHED; i++)
        assert_true(is_learned(&p, touched[i]));
    for (int i = 0; i < PAGES; i++)
        count += is_learned(&p, i);
    assert_int_equal(count, TOUCHED);
    assert_int_equal(memory[3 * page], 1); /* it was a child's */
    free(p.ranges);
}

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* In a child: how many faults the first steps meet, with and without. */
static int faults_of_child(const struct viv_prefault *p)
{
    pid_t pid = fork();
    int status;
    long before;

    if (pid == 0) {
        viv_prefault_take(p);
        before = faults();
        touch();
        _exit((int)(faults() - before));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void a_child_that_took_it_meets_no_faults(void **state)
{
    const struct viv_prefault nothing = {0};
    struct viv_prefault p;

    if (madvise(memory, page, MADV_POPULATE_WRITE) < 0)
        skip(); /* before Linux 5.14 */
    viv_prefault_learn(proc, rehearse, NULL, &p);
    assert_true(faults_of_child(&nothing) >= (int)TOUCHED);
    assert_true(faults_of_child(&p) < (int)TOUCHED);
    free(p.ranges);
}

static void nothing_is_learned_from_a_failure(void **state)
{
    struct viv_prefault p;

    viv_prefault_learn(proc, rehearse_badly, NULL, &p);
    assert_int_equal(p.count, 0);
    viv_prefault_learn(-1, rehearse, NULL, &p);
    assert_int_equal(p.count, 0);
    viv_prefault_take(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_child_writes_to_is_learned),
        cmocka_unit_test(a_child_that_took_it_meets_no_faults),
        cmocka_unit_test(nothing_is_learned_from_a_failure),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
