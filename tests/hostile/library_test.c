/* The library as its users see it: the pool, the queue, every way to cancel,
 * limits, drain. The workers are fakes that do as they are told. */
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
    config.workers_warm = 2;
    config.workers_max = 4;
    config.queue_max = 4;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void more_than_the_ceiling_wait_and_all_are_served(void **state)
{
    struct run *runs[8];

    for (int i = 0; i < 8; i++)
        runs[i] = harness_submit(sup, NULL, "run 20000", NULL);
    for (int i = 0; i < 8; i++) {
        harness_wait(runs[i]);
        assert_int_equal(runs[i]->finished, 1);
        assert_int_equal(runs[i]->outcome, VIV_OUTCOME_COMPLETED);
        harness_free(runs[i]);
    }
}

static void past_the_queue_it_is_resource_exhausted(void **state)
{
    struct run *runs[12];
    unsigned served = 0, refused = 0;

    for (int i = 0; i < 12; i++)
        runs[i] = harness_submit(sup, NULL, "run 100000", NULL);
    for (int i = 0; i < 12; i++) {
        harness_wait(runs[i]);
        served += runs[i]->finished;
        refused += runs[i]->rejected;
        if (runs[i]->rejected)
            assert_int_equal(runs[i]->error.status, VIV_RESOURCE_EXHAUSTED);
        harness_free(runs[i]);
    }
    assert_int_equal(served, 8);
    assert_int_equal(refused, 4);
}

static void the_floor_is_filled_again(void **state)
{
    struct viv_description d;

    for (int i = 0; i < 10; i++)
        harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    do
        harness_describe(sup, &d);
    while (d.idle < 2 || d.starting || d.busy);
    assert_int_equal(d.idle, 2);
    assert_string_equal(d.vm, "fake 1.0");
}

static void an_id_in_use_is_refused_and_free_again_after(void **state)
{
    struct run *first = harness_submit(sup, "same", "run 50000", NULL);
    struct run *second = harness_submit(sup, "same", "ok", NULL);
    struct run *third;

    harness_wait(second);
    assert_int_equal(second->rejected, 1);
    assert_int_equal(second->error.status, VIV_ALREADY_EXISTS);
    harness_wait(first);
    assert_int_equal(first->outcome, VIV_OUTCOME_COMPLETED);
    third = harness_submit(sup, "same", "ok", NULL);
    harness_wait(third);
    assert_int_equal(third->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(first);
    harness_free(second);
    harness_free(third);
}

static void tenants_do_not_share_ids(void **state)
{
    struct viv_request request = {
        .tenant = "a", .execution_id = "x", .code = "run 10000000", .code_len = 12};
    struct viv_cancel of_b = {.tenant = "b", .execution_id = "x", .wait = true};
    struct viv_cancel of_a = {.tenant = "a", .execution_id = "x", .wait = true};
    struct run *run = harness_request(sup, &request);

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &of_b, NULL), VIV_CANCEL_NOT_FOUND);
    assert_int_equal(run->finished, 0);
    assert_int_equal(harness_cancel(sup, &of_a, NULL), VIV_CANCEL_FINISHED);
    harness_wait(run);
    harness_free(run);
}

static void a_cancel_gives_its_receipt(void **state)
{
    struct run *run = harness_submit(sup, "c", "run 10000000", NULL);
    struct viv_cancel cancel = {.execution_id = "c", .reason = "because", .wait = true};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.cause, VIV_CAUSE_CANCEL_RPC);
    assert_int_equal(r.delivery, VIV_DELIVERY_COOPERATIVE);
    assert_string_equal(r.reason, "because");
    assert_true(r.requested_ns > 0 && r.flag_set_ns >= r.requested_ns);
    assert_true(r.hook_reached_ns >= r.flag_set_ns && r.unwound_ns >= r.hook_reached_ns);
    assert_int_equal(r.killed_ns, 0);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_CANCELLED);
    assert_int_equal(run->receipt.unwound_ns, r.unwound_ns);
    harness_free(run);
}

static void code_that_does_not_listen_is_killed_after_its_grace(void **state)
{
    struct viv_limits limits = {.cancel_grace_ns = 50 * MS};
    struct run *run = harness_submit(sup, "s", "stubborn", &limits);
    struct viv_cancel cancel = {.execution_id = "s", .wait = true};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_KILLED);
    assert_true(r.killed_ns >= r.flag_set_ns + 50 * MS);
    assert_true(r.processes_killed >= 1);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_CANCELLED);
    harness_free(run);
}

static void cleanup_has_a_grace_of_its_own(void **state)
{
    struct viv_limits limits = {.cancel_grace_ns = 50 * MS, .cleanup_grace_ns = 5000 * MS};
    struct run *run = harness_submit(sup, "g", "cleanup 200000", &limits);
    struct viv_cancel cancel = {.execution_id = "g", .wait = true};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_COOPERATIVE);
    harness_wait(run);
    harness_free(run);
}

static void endless_cleanup_is_killed(void **state)
{
    struct viv_limits limits = {.cancel_grace_ns = 50 * MS, .cleanup_grace_ns = 100 * MS};
    struct run *run = harness_submit(sup, "e", "cleanup 60000000", &limits);
    struct viv_cancel cancel = {.execution_id = "e", .wait = true};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_KILLED);
    assert_true(r.killed_ns >= r.flag_set_ns + 100 * MS);
    harness_wait(run);
    harness_free(run);
}

static void force_kills_at_once(void **state)
{
    struct run *run = harness_submit(sup, "f", "stubborn", NULL);
    struct viv_cancel cancel = {.execution_id = "f", .force = true, .wait = true};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_KILLED);
    assert_int_equal(r.flag_set_ns, 0);
    harness_wait(run);
    harness_free(run);
}

static void force_after_a_polite_cancel_kills(void **state)
{
    struct viv_limits limits = {.cancel_grace_ns = 30000 * MS};
    struct run *run = harness_submit(sup, "f", "stubborn", &limits);
    struct viv_cancel cancel = {.execution_id = "f", .reason = "first"};
    struct viv_receipt r;

    harness_wait_started(run);
    assert_int_equal(harness_cancel(sup, &cancel, NULL), VIV_CANCEL_CANCELLING);
    cancel.force = cancel.wait = true;
    cancel.reason = "second";
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_KILLED);
    assert_string_equal(r.reason, "first");
    harness_wait(run);
    harness_free(run);
}

static void a_queued_one_is_cancelled_where_it_stands(void **state)
{
    struct run *runs[4], *queued;
    struct viv_cancel cancel = {.execution_id = "q", .wait = true};
    struct viv_receipt r;

    for (int i = 0; i < 4; i++)
        runs[i] = harness_submit(sup, NULL, "run 200000", NULL);
    for (int i = 0; i < 4; i++)
        harness_wait_started(runs[i]);
    queued = harness_submit(sup, "q", "ok", NULL);
    assert_int_equal(harness_cancel(sup, &cancel, &r), VIV_CANCEL_FINISHED);
    assert_int_equal(r.delivery, VIV_DELIVERY_COOPERATIVE);
    harness_wait(queued);
    assert_int_equal(queued->outcome, VIV_OUTCOME_CANCELLED);
    assert_int_equal(queued->started, 0);
    harness_free(queued);
    for (int i = 0; i < 4; i++) {
        harness_wait(runs[i]);
        assert_int_equal(runs[i]->outcome, VIV_OUTCOME_COMPLETED);
        harness_free(runs[i]);
    }
}

static void a_cancel_that_overtakes_still_cancels(void **state)
{
    struct viv_cancel cancel = {.execution_id = "early", .reason = "soon"};
    struct run *run;

    assert_int_equal(harness_cancel(sup, &cancel, NULL), VIV_CANCEL_NOT_FOUND);
    run = harness_submit(sup, "early", "ok", NULL);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_CANCELLED);
    assert_string_equal(run->receipt.reason, "soon");
    assert_int_equal(run->started, 0);
    harness_free(run);
    run = harness_submit(sup, "early", "ok", NULL);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(run);
}

static void a_cancel_of_one_that_has_ended_is_not_kept(void **state)
{
    struct viv_cancel cancel = {.execution_id = "done"};
    struct run *run = harness_submit(sup, "done", "ok", NULL);

    harness_wait(run);
    harness_free(run);
    assert_int_equal(harness_cancel(sup, &cancel, NULL), VIV_CANCEL_FINISHED);
    run = harness_submit(sup, "done", "ok", NULL);
    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(run);
}

static void wall_time_ends_it(void **state)
{
    struct viv_limits limits = {.wall_time_ns = 50 * MS};
    struct run *run = harness_submit(sup, NULL, "run 10000000", &limits);

    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_WALL_TIME_EXCEEDED);
    assert_int_equal(run->receipt.cause, VIV_CAUSE_WALL_TIME);
    assert_true(run->receipt.requested_ns >= 50 * MS);
    harness_free(run);
}

static void an_earlier_deadline_is_the_limit(void **state)
{
    struct viv_request request = {
        .code = "run 10000000", .code_len = 12, .deadline_ns = now() + 50 * MS};
    struct run *run = harness_request(sup, &request);

    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_WALL_TIME_EXCEEDED);
    assert_int_equal(run->receipt.cause, VIV_CAUSE_DEADLINE);
    harness_free(run);
}

static void cpu_time_ends_it(void **state)
{
    struct viv_limits limits = {.cpu_time_ns = 50 * MS};
    struct run *busy = harness_submit(sup, NULL, "burn 10000000", &limits);

    harness_wait(busy);
    assert_int_equal(busy->outcome, VIV_OUTCOME_CPU_TIME_EXCEEDED);
    assert_int_equal(busy->receipt.cause, VIV_CAUSE_CPU_TIME);
    harness_free(busy);
}

static void a_deadline_in_the_queue_is_told_as_such(void **state)
{
    struct viv_request request = {.code = "ok", .code_len = 2};
    struct run *runs[4], *late;

    for (int i = 0; i < 4; i++)
        runs[i] = harness_submit(sup, NULL, "run 300000", NULL);
    for (int i = 0; i < 4; i++)
        harness_wait_started(runs[i]);
    request.deadline_ns = now() + 20 * MS;
    late = harness_request(sup, &request);
    harness_wait(late);
    assert_int_equal(late->rejected, 1);
    assert_int_equal(late->error.status, VIV_DEADLINE_EXCEEDED);
    harness_free(late);
    for (int i = 0; i < 4; i++) {
        harness_wait(runs[i]);
        harness_free(runs[i]);
    }
}

static void output_is_cut_at_exactly_its_limit(void **state)
{
    struct viv_limits limits = {.output_bytes = 100000};
    struct run *run = harness_submit(sup, NULL, "out 1000000", &limits);

    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_COMPLETED);
    assert_int_equal(run->stdout_len, 100000);
    assert_int_equal(run->streamed, 100000);
    assert_true(run->stdout_truncated);
    harness_free(run);
}

static void output_past_the_limit_cancels_where_asked(void **state)
{
    struct viv_request request = {.code = "out-run 1000000",
                                  .code_len = 15,
                                  .limits = {.output_bytes = 1000},
                                  .cancel_on_output_limit = true};
    struct run *run = harness_request(sup, &request);

    harness_wait(run);
    assert_int_equal(run->outcome, VIV_OUTCOME_OUTPUT_EXCEEDED);
    assert_int_equal(run->receipt.cause, VIV_CAUSE_OUTPUT);
    assert_int_equal(run->stdout_len, 1000);
    harness_free(run);
}

/* A reader that doesn't read stops the worker at its pipe. */
static void a_paused_output_stops_the_writer(void **state)
{
    struct viv_request request = {.code = "out 4000000", .code_len = 11};
    struct run *run = harness_request_held(sup, &request);
    uint64_t streamed;

    harness_wait_held(run);
    nanosleep(&(struct timespec){0, 100 * MS}, NULL);
    pthread_mutex_lock(&run->lock);
    streamed = run->streamed;
    assert_int_equal(run->finished, 0);
    run->hold = false;
    pthread_mutex_unlock(&run->lock);
    assert_true(streamed < 4000000);
    viv_resume_output(sup, run->ticket);
    harness_wait(run);
    assert_int_equal(run->stdout_len, 4000000);
    assert_int_equal(run->streamed, 4000000);
    harness_free(run);
}

/* Runs what writes much, for a reader that never reads, and little patience. */
static struct run *run_unread(const char *code, bool outlives_reader)
{
    const struct viv_request request = {
        .code = code, .code_len = strlen(code), .outlives_reader = outlives_reader};
    struct viv_config impatient;
    struct viv_supervisor *s;
    struct run *run;

    harness_config(&impatient, NULL);
    impatient.output_stall_ns = 100 * MS;
    s = harness_start(&impatient);
    run = harness_request_held(s, &request);
    harness_wait(run);
    harness_stop(s);
    return run;
}

static void who_reads_nothing_keeps_no_worker(void **state)
{
    struct run *run = run_unread("out-run 4000000", false);

    assert_int_equal(run->outcome, VIV_OUTCOME_CANCELLED);
    assert_int_equal(run->receipt.cause, VIV_CAUSE_CLIENT_GONE);
    assert_int_equal(run->receipt.delivery, VIV_DELIVERY_COOPERATIVE);
    assert_string_equal(run->receipt.reason, "its client has not read its output for 0.1 s");
    harness_free(run);
}

/* Its worker blocks in a full pipe, and is heard nevertheless. */
static void a_paused_output_holds_up_no_cancel(void **state)
{
    struct viv_request request = {
        .execution_id = "unread", .code = "out-run 4000000", .code_len = 15};
    struct viv_cancel cancel = {.execution_id = "unread", .wait = true};
    struct run *run = harness_request_held(sup, &request);
    struct viv_receipt receipt = {0};

    harness_wait_held(run);
    assert_int_equal(harness_cancel(sup, &cancel, &receipt), VIV_CANCEL_FINISHED);
    harness_wait(run);
    assert_int_equal(receipt.delivery, VIV_DELIVERY_COOPERATIVE);
    assert_int_equal(run->stdout_len, 4000000);
    assert_true(run->streamed < 4000000);
    harness_free(run);
}

static void what_outlives_its_reader_goes_on(void **state)
{
    struct run *run = run_unread("out 4000000", true);

    assert_int_equal(run->outcome, VIV_OUTCOME_COMPLETED);
    assert_int_equal(run->stdout_len, 4000000);
    assert_true(run->streamed < 4000000);
    harness_free(run);
}

static void on_list(void *arg, const struct viv_execution_info *infos, size_t count)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->started = (unsigned)count;
    if (count == 1)
        snprintf(r->repr, sizeof(r->repr), "%s %d", infos[0].execution_id, infos[0].state);
    r->finished = 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void list_shows_the_tenant_s_own(void **state)
{
    struct viv_request request = {
        .tenant = "lister", .execution_id = "l", .code = "run 300000", .code_len = 10};
    struct run *run = harness_request(sup, &request);
    struct run *other = harness_submit(sup, NULL, "run 300000", NULL);
    struct run answer = {0};

    pthread_mutex_init(&answer.lock, NULL);
    pthread_cond_init(&answer.changed, NULL);
    harness_wait_started(run);
    assert_int_equal(viv_list(sup, "lister", on_list, &answer, NULL), 0);
    harness_wait(&answer);
    assert_int_equal(answer.started, 1);
    assert_string_equal(answer.repr, "l 2");
    harness_wait(run);
    harness_wait(other);
    harness_free(run);
    harness_free(other);
}

static void on_drained(void *arg)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->finished = 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void drain_lets_the_quick_end_and_cancels_the_slow(void **state)
{
    struct run *quick, *slow, *late, drained = {0};

    begin(NULL);
    pthread_mutex_init(&drained.lock, NULL);
    pthread_cond_init(&drained.changed, NULL);
    quick = harness_submit(sup, NULL, "run 20000", NULL);
    slow = harness_submit(sup, NULL, "run 100000000", NULL);
    harness_wait_started(quick);
    harness_wait_started(slow);
    assert_int_equal(viv_drain(sup, 200 * MS, on_drained, &drained, NULL), 0);
    harness_wait(&drained);
    assert_int_equal(quick->outcome, VIV_OUTCOME_COMPLETED);
    assert_int_equal(slow->outcome, VIV_OUTCOME_CANCELLED);
    assert_int_equal(slow->receipt.cause, VIV_CAUSE_DRAIN);
    late = harness_submit(sup, NULL, "ok", NULL);
    harness_wait(late);
    assert_int_equal(late->error.status, VIV_UNAVAILABLE);
    harness_free(quick);
    harness_free(slow);
    harness_free(late);
    end(NULL);
}

static void destroy_ends_everything_that_is_left(void **state)
{
    struct run *runs[8];

    begin(NULL);
    for (int i = 0; i < 8; i++)
        runs[i] = harness_submit(sup, NULL, i % 2 ? "stubborn" : "run 60000000", NULL);
    harness_wait_started(runs[0]);
    end(NULL);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(runs[i]->finished + runs[i]->rejected, 1);
        harness_free(runs[i]);
    }
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH(more_than_the_ceiling_wait_and_all_are_served),
        WITH(past_the_queue_it_is_resource_exhausted),
        WITH(the_floor_is_filled_again),
        WITH(an_id_in_use_is_refused_and_free_again_after),
        WITH(tenants_do_not_share_ids),
        WITH(a_cancel_gives_its_receipt),
        WITH(code_that_does_not_listen_is_killed_after_its_grace),
        WITH(cleanup_has_a_grace_of_its_own),
        WITH(endless_cleanup_is_killed),
        WITH(force_kills_at_once),
        WITH(force_after_a_polite_cancel_kills),
        WITH(a_queued_one_is_cancelled_where_it_stands),
        WITH(a_cancel_that_overtakes_still_cancels),
        WITH(a_cancel_of_one_that_has_ended_is_not_kept),
        WITH(wall_time_ends_it),
        WITH(an_earlier_deadline_is_the_limit),
        WITH(cpu_time_ends_it),
        WITH(a_deadline_in_the_queue_is_told_as_such),
        WITH(output_is_cut_at_exactly_its_limit),
        WITH(output_past_the_limit_cancels_where_asked),
        WITH(a_paused_output_stops_the_writer),
        WITH(a_paused_output_holds_up_no_cancel),
        cmocka_unit_test(who_reads_nothing_keeps_no_worker),
        cmocka_unit_test(what_outlives_its_reader_goes_on),
        WITH(list_shows_the_tenant_s_own),
        cmocka_unit_test(drain_lets_the_quick_end_and_cancels_the_slow),
        cmocka_unit_test(destroy_ends_everything_that_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
