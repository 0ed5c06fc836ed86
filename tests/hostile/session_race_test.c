/* Threads that use a few sessions each, with more of them than there are
 * workers to hold them: opened, used, cancelled, crashed, closed at random. Each
 * operation ends once, and a sum that was answered is the sum that is there. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define THREADS 4
#define SESSIONS_EACH 4
#define STEPS_EACH 300

static struct viv_supervisor *sup;
static atomic_uint wrong, restored, crashed;

struct model {
    char id[32];
    bool open;
    unsigned long sum;
};

static void report(const struct model *m, const char *what, const struct run *r)
{
    atomic_fetch_add(&wrong, 1);
    fprintf(stderr, "%s: %s: %s '%s' expected %lu; %s%s\n", m->id, what,
            viv_outcome_name(r->outcome), r->repr, m->sum, r->error.text, r->death.text);
}

static void check_sum(struct model *m, const char *what, struct run *r)
{
    char want[32];

    harness_wait(r);
    snprintf(want, sizeof(want), "%lu", m->sum);
    if (r->finished != 1 || r->outcome != VIV_OUTCOME_COMPLETED || strcmp(r->repr, want) != 0)
        report(m, what, r);
    if (r->restored_from)
        atomic_fetch_add(&restored, 1);
    harness_free(r);
}

static void add(struct model *m, unsigned *seed)
{
    struct run *runs[3];
    unsigned count = 1 + (unsigned)rand_r(seed) % 3, amounts[3];
    char code[32];

    for (unsigned i = 0; i < count; i++) {
        amounts[i] = (unsigned)rand_r(seed) % 10;
        snprintf(code, sizeof(code), "add %u", amounts[i]);
        runs[i] = harness_in(sup, m->id, code);
    }
    for (unsigned i = 0; i < count; i++) {
        m->sum += amounts[i];
        check_sum(m, "add", runs[i]);
    }
}

/* The sum is as it was, whenever the cancel comes: it was saved. */
static void cancel(struct model *m, unsigned *seed)
{
    const struct viv_request request = {
        .execution_id = m->id, .session_id = m->id, .code = "run 300", .code_len = 7};
    const struct viv_cancel by_force = {.execution_id = m->id, .force = true};
    struct run *r = harness_request(sup, &request);

    nanosleep(&(struct timespec){0, rand_r(seed) % 600 * 1000}, NULL);
    if (rand_r(seed) % 2)
        harness_cancel(sup, &by_force, NULL);
    else
        viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CALL_CANCELLED, NULL);
    harness_wait(r);
    if (r->finished != 1)
        report(m, "cancel", r);
    harness_free(r);
}

static void crash(struct model *m)
{
    struct run *r = harness_in(sup, m->id, "exit 1");

    harness_wait(r);
    if (r->finished != 1 || r->outcome != VIV_OUTCOME_WORKER_DIED)
        report(m, "crash", r);
    atomic_fetch_add(&crashed, 1);
    harness_free(r);
}

static void open_or_close(struct model *m)
{
    struct run *r;

    if (m->open) {
        if (harness_close(sup, m->id) != VIV_OK)
            atomic_fetch_add(&wrong, 1);
    } else {
        r = harness_open(sup, m->id, VIV_DURABILITY_EVERY_EXECUTION);
        harness_wait(r);
        if (r->finished != 1)
            report(m, "open", r);
        harness_free(r);
    }
    m->open = !m->open;
    m->sum = 0;
}

static void *use_sessions(void *arg)
{
    unsigned thread = *(unsigned *)arg, seed = 77 + thread;
    struct model models[SESSIONS_EACH] = {0};

    for (unsigned i = 0; i < SESSIONS_EACH; i++)
        snprintf(models[i].id, sizeof(models[i].id), "s%u-%u", thread, i);
    for (unsigned i = 0; i < STEPS_EACH; i++) {
        struct model *m = &models[(unsigned)rand_r(&seed) % SESSIONS_EACH];
        unsigned what = (unsigned)rand_r(&seed) % 20;

        if (!m->open || what == 0)
            open_or_close(m);
        else if (what == 1)
            crash(m);
        else if (what < 5)
            cancel(m, &seed);
        else
            add(m, &seed);
    }
    return NULL;
}

static bool have_children(void)
{
    return waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
}

static void sums_are_what_was_answered(void **state)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS], fds;
    struct viv_config config;

    fds = harness_open_fds();
    harness_config(&config, NULL);
    config.workers_warm = 2;
    config.workers_max = 6;
    config.callers_run = true;
    config.sessions.resident_max = 3;
    sup = harness_start(&config);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, use_sessions, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    harness_stop(sup);
    assert_false(have_children());
    assert_int_equal(harness_open_fds(), fds);
    print_message("%u restored, %u crashed\n", restored, crashed);
    assert_int_equal(wrong, 0);
    assert_true(restored > 0 && crashed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_what_was_answered)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
