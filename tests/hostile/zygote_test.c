/* Zygotes that don't start, and zygotes that die. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define MS INT64_C(1000000)

static struct viv_supervisor *sup;
static struct viv_config config;

static int begin(void **state)
{
    harness_config(&config, NULL);
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void nap(int64_t ns)
{
    nanosleep(&(struct timespec){0, ns}, NULL);
}

static void a_zygote_that_refuses_says_why(void **state)
{
    struct viv_supervisor *none = NULL;
    struct viv_error err;

    harness_config(&config, "no-start");
    assert_int_equal(viv_supervisor_create(&config, &none, &err), -1);
    assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    assert_string_equal(err.text, "the fake refuses to start: ask it nicely");
    assert_null(none);
    config.worker_path = "/no/such/worker";
    assert_int_equal(viv_supervisor_create(&config, &none, &err), -1);
    assert_non_null(strstr(err.text, "/no/such/worker"));
}

/* The one process that the supervisor started. */
static pid_t zygote_of_ours(void)
{
    char path[64];
    int pid = 0;
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;

    while (pid == 0 && (entry = readdir(dir))) {
        FILE *f;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", entry->d_name);
        f = fopen(path, "re");
        if (f && fscanf(f, "%d", &pid) != 1)
            pid = 0;
        if (f)
            fclose(f);
    }
    closedir(dir);
    return pid;
}

static void a_zygote_that_dies_is_started_again(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct run *lost = harness_submit(sup, NULL, "run 60000000", NULL);
        pid_t zygote;

        harness_wait_started(lost);
        zygote = zygote_of_ours();
        assert_true(zygote > 0);
        assert_int_equal(kill(zygote, SIGKILL), 0);
        harness_wait(lost);
        assert_int_equal(lost->outcome, VIV_OUTCOME_WORKER_DIED);
        assert_non_null(strstr(lost->death.text, "zygote"));
        harness_free(lost);
        harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    }
}

static uint64_t zygote_starts(void)
{
    struct viv_stats stats;

    viv_stats(sup, &stats);
    return stats.zygote_starts;
}

static void kill_zygote(void)
{
    uint64_t starts = zygote_starts();

    assert_int_equal(kill(zygote_of_ours(), SIGKILL), 0);
    while (zygote_starts() == starts)
        nap(MS / 10);
}

/* Workers that were on their way when it died count as no failed start of their tenant's,
 * which would have to wait the longer the more there were. Another supervisor tells when some time
 * is over. */
static void a_zygote_s_death_is_no_tenant_s_fault(void **state)
{
    struct viv_config others;
    struct viv_supervisor *other;
    struct run *quick, *slow;

    harness_config(&config, NULL);
    config.workers_warm = config.workers_max = 32;
    sup = harness_start(&config);
    for (int i = 0; i < 8; i++) {
        kill_zygote();
        nap(i * MS / 2); /* a moment at which it makes workers is among them */
    }
    harness_config(&others, NULL);
    other = harness_start(&others);
    slow = harness_submit(other, NULL, "run 2000000", NULL);
    quick = harness_submit(sup, NULL, "ok", NULL);
    harness_wait(slow);
    assert_true(harness_has_finished(quick));
    harness_wait(quick);
    assert_int_equal(quick->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(slow);
    harness_free(quick);
    harness_stop(other);
    harness_stop(sup);
}

/* Workers that never become ready: nothing hangs, nothing spins. */
static void bad_starts_end_with_the_supervisor(void **state)
{
    static const char *const starts[] = {"die", "silent", "no-pidfd", "file-for-pidfd", "result"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct run *run;

        harness_config(&config, starts[i]);
        sup = harness_start(&config);
        run = harness_submit(sup, NULL, "ok", NULL);
        nap(100 * MS);
        end(NULL);
        assert_int_equal(run->finished, 0);
        assert_int_equal(run->rejected, 1);
        assert_int_equal(run->error.status, VIV_UNAVAILABLE);
        harness_free(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zygote_that_refuses_says_why),
        cmocka_unit_test_setup_teardown(a_zygote_that_dies_is_started_again, begin, end),
        cmocka_unit_test(a_zygote_s_death_is_no_tenant_s_fault),
        cmocka_unit_test(bad_starts_end_with_the_supervisor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
