/* A supervisor whose workers are heard by a loop of the program's. */
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define RUNS 50

static struct viv_supervisor *sup;

static int begin(void **state)
{
    struct viv_config config;

    harness_config(&config, NULL);
    config.callers_run = true;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

struct seen {
    pthread_t by;
    atomic_bool finished;
};

static void on_finished(void *arg, const struct viv_result *result)
{
    struct seen *seen = arg;

    seen->by = pthread_self();
    atomic_store(&seen->finished, true);
}

static void drive_until(const atomic_bool *done, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    while (!atomic_load(done))
        if (poll(&poll_fd, 1, 1) > 0)
            viv_drive(sup);
}

static void callbacks_run_where_it_is_driven(void **state)
{
    const struct viv_request request = {.code = "ok", .code_len = 2};
    const struct viv_callbacks callbacks = {.finished = on_finished};
    int fd = viv_drive_begin(sup), here = 0;

    for (int i = 0; i < RUNS; i++) {
        struct seen seen = {0};

        assert_int_equal(viv_submit(sup, &request, &callbacks, &seen, NULL, NULL), 0);
        drive_until(&seen.finished, fd);
        here += pthread_equal(seen.by, pthread_self()) != 0;
    }
    viv_drive_end(sup);
    assert_true(here > 0); /* not all: the thread helps a loop that is late */
}

static void a_loop_that_hangs_holds_up_nobody(void **state)
{
    viv_drive_begin(sup);
    harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    harness_expect(sup, "run 100000", VIV_OUTCOME_COMPLETED);
    viv_drive_end(sup);
}

/* The thread rests until it has to look after the session's lease, in some seconds; another
 * supervisor tells when one is over. */
static void nor_does_one_that_hangs_after_a_rest(void **state)
{
    struct run *opened = harness_open(sup, "resting", VIV_DURABILITY_ON_EVICTION), *quick, *slow;
    struct viv_supervisor *other;
    struct viv_config config;

    harness_config(&config, NULL);
    other = harness_start(&config);
    harness_wait(opened);
    harness_free(opened);
    viv_drive_begin(sup);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    quick = harness_submit(sup, NULL, "ok", NULL);
    slow = harness_submit(other, NULL, "run 1500000", NULL);
    harness_wait(slow);
    assert_true(harness_has_finished(quick));
    viv_drive_end(sup);
    harness_free(quick);
    harness_free(slow);
    harness_close(sup, "resting");
    harness_stop(other);
}

static void limits_are_kept_while_a_loop_hangs(void **state)
{
    const struct viv_limits limits = {.wall_time_ns = 50000000};
    struct run *run;

    viv_drive_begin(sup);
    run = harness_submit(sup, NULL, "run 60000000", &limits);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_WALL_TIME_EXCEEDED);
    harness_free(run);
    viv_drive_end(sup);
}

static void then_the_thread_hears_them_again(void **state)
{
    for (int i = 0; i < RUNS; i++) {
        viv_drive_begin(sup);
        viv_drive(sup);
        viv_drive_end(sup);
        harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    }
}

/* The end is the thread's own. */
static void it_may_end_while_it_is_driven(void **state)
{
    struct viv_supervisor *s;
    struct viv_config config;

    harness_config(&config, NULL);
    s = harness_start(&config);
    viv_drive_begin(s);
    harness_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_run_where_it_is_driven),
        cmocka_unit_test(a_loop_that_hangs_holds_up_nobody),
        cmocka_unit_test(nor_does_one_that_hangs_after_a_rest),
        cmocka_unit_test(limits_are_kept_while_a_loop_hangs),
        cmocka_unit_test(then_the_thread_hears_them_again),
        cmocka_unit_test(it_may_end_while_it_is_driven),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
