/* Executions of a few hundred microseconds, cancelled at random moments by
 * several threads: each ends once, who was not cancelled is never hit, and no
 * process is left. Built twice: over the fake worker, whose moments can be had
 * under every sanitizer, and over the real one. */
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
#ifdef RACE_REAL
#define RUNS_EACH 1250
#define WORKER "worker/vivarium-worker"
#define CODE "for i in range(%u): pass"
#define LONGEST 20000
#else
#define RUNS_EACH 400
#define WORKER "tests/hostile/fake_worker"
#define CODE "run %u"
#define LONGEST 600
#endif

static struct viv_supervisor *sup;
static atomic_uint wrong, cancelled, completed, killed, too_late;

static void nap(unsigned us)
{
    nanosleep(&(struct timespec){0, us * 1000L}, NULL);
}

static void on_cancel(void *arg, enum viv_cancel_state state, const struct viv_receipt *receipt)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

enum kind { LEAVE, BY_TICKET, BY_NAME, BY_FORCE, KINDS };

static void check(const struct run *r, enum kind kind)
{
    bool once = r->finished + r->rejected == 1 && r->finished == 1;
    bool ended = r->outcome == VIV_OUTCOME_COMPLETED || r->outcome == VIV_OUTCOME_CANCELLED;

    if (!once || !ended ||
        (kind == LEAVE && (r->outcome != VIV_OUTCOME_COMPLETED || r->has_receipt)))
        atomic_fetch_add(&wrong, 1);
    if (r->has_receipt && r->outcome == VIV_OUTCOME_COMPLETED)
        atomic_fetch_add(&too_late, 1);
    if (r->has_receipt && r->receipt.delivery == VIV_DELIVERY_KILLED)
        atomic_fetch_add(&killed, 1);
    atomic_fetch_add(r->outcome == VIV_OUTCOME_COMPLETED ? &completed : &cancelled, 1);
}

static void one_run(unsigned thread, unsigned number, unsigned *seed, atomic_uint *answers)
{
    enum kind kind = (enum kind)(rand_r(seed) % KINDS);
    char id[32], code[64];
    struct viv_cancel cancel = {.execution_id = id, .force = kind == BY_FORCE};
    struct run *r;

    /* Names come again, so that a late cancel could hit the next of that name. */
    snprintf(id, sizeof(id), "%u-%u", thread, number % 3);
    snprintf(code, sizeof(code), CODE, (unsigned)rand_r(seed) % LONGEST);
    r = harness_submit(sup, id, code, NULL);
    if (kind != LEAVE)
        nap((unsigned)rand_r(seed) % 1200);
    if (kind == BY_TICKET)
        viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CALL_CANCELLED, NULL);
    if (kind == BY_NAME || kind == BY_FORCE) {
        unsigned before = atomic_load(answers);

        if (viv_cancel(sup, &cancel, on_cancel, answers, NULL) < 0)
            atomic_fetch_add(&wrong, 1);
        while (atomic_load(answers) == before)
            nap(20);
    }
    harness_wait(r);
    check(r, kind);
    harness_free(r);
}

static void *many_runs(void *arg)
{
    unsigned thread = *(unsigned *)arg, seed = 1000 + thread;
    atomic_uint answers = 0;

    for (unsigned i = 0; i < RUNS_EACH; i++)
        one_run(thread, i, &seed, &answers);
    return NULL;
}

/* Every worker is a descendant of the one child that the supervisor started. */
static bool have_children(void)
{
    return waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
}

static void random_cancels(bool callers_run)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    struct viv_config config;

    harness_config(&config, NULL);
    config.worker_path = WORKER;
    config.workers_warm = 8;
    config.callers_run = callers_run;
    atomic_store(&completed, 0);
    atomic_store(&cancelled, 0);
    sup = harness_start(&config);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, many_runs, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    harness_stop(sup);
    assert_false(have_children());
    printf("# %u completed, %u cancelled, of them %u killed; %u cancels came too late\n",
           atomic_load(&completed), atomic_load(&cancelled), atomic_load(&killed),
           atomic_load(&too_late));
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(atomic_load(&completed) + atomic_load(&cancelled), THREADS * RUNS_EACH);
    assert_true(atomic_load(&cancelled) > 0 && atomic_load(&completed) > 0);
}

static void random_cancels_hit_their_own_and_no_other(void **state)
{
    random_cancels(false);
}

static void nor_do_they_where_callers_run(void **state)
{
    random_cancels(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_cancels_hit_their_own_and_no_other),
        cmocka_unit_test(nor_do_they_where_callers_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
