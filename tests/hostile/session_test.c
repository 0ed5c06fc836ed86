/* Sessions over the fake worker, which adds numbers up: what a scope holds is a
 * sum, so it is known what must be there after every loss. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

static struct viv_supervisor *sup;
static struct viv_config config;

static int begin(void **state)
{
    harness_config(&config, NULL);
    config.workers_warm = 1;
    config.workers_max = 4;
    config.queue_max = 64;
    config.sessions.resident_max = 2;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void open_session(struct viv_supervisor *s, const char *id, enum viv_durability durability)
{
    struct run *r = harness_open(s, id, durability);

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s: %s", id, r->error.text);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(r);
}

static void expect(struct viv_supervisor *s, const char *id, const char *code, const char *repr,
                   enum viv_restored_from from)
{
    struct run *r = harness_in(s, id, code);

    harness_wait(r);
    if (r->rejected || r->outcome != VIV_OUTCOME_COMPLETED)
        fail_msg("%s in %s: %s %s%s", code, id, viv_outcome_name(r->outcome), r->death.text,
                 r->error.text);
    assert_string_equal(r->repr, repr);
    assert_int_equal(r->restored_from, from);
    assert_true(r->in_session);
    harness_free(r);
}

static void expect_died(const char *id, const char *code)
{
    struct run *r = harness_in(sup, id, code);

    harness_wait(r);
    assert_int_equal(r->finished, 1);
    assert_int_equal(r->outcome, VIV_OUTCOME_WORKER_DIED);
    assert_false(r->saved);
    harness_free(r);
}

static void expect_refused(struct run *r, enum viv_status status)
{
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, status);
    harness_free(r);
}

static void a_worker_is_kept_for_it(void **state)
{
    unsigned resident;

    open_session(sup, "s", 0);
    expect(sup, "s", "add 1", "1", 0);
    expect(sup, "s", "add 2", "3", 0);
    assert_int_equal(harness_sessions(sup, &resident), 1);
    assert_int_equal(resident, 1);
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
    assert_int_equal(harness_sessions(sup, NULL), 0);
    expect_refused(harness_in(sup, "s", "add 1"), VIV_NOT_FOUND);
    assert_int_equal(harness_close(sup, "s"), VIV_NOT_FOUND);
}

static void its_executions_run_in_order(void **state)
{
    struct run *runs[20];
    char want[16];
    int sum = 0;

    open_session(sup, "s", 0);
    for (int i = 0; i < 20; i++) {
        char code[16];

        snprintf(code, sizeof(code), "add %d", i);
        runs[i] = harness_in(sup, "s", code);
    }
    for (int i = 0; i < 20; i++) {
        harness_wait(runs[i]);
        snprintf(want, sizeof(want), "%d", sum += i);
        assert_string_equal(runs[i]->repr, want);
        harness_free(runs[i]);
    }
    harness_close(sup, "s");
}

static void those_past_the_cap_come_back_from_the_store(void **state)
{
    char id[16], want[16];
    unsigned restored = 0, resident;

    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        open_session(sup, id, 0);
    }
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < 8; i++) {
            struct run *r;

            snprintf(id, sizeof(id), "s%d", i);
            r = harness_in(sup, id, "add 1");
            harness_wait(r);
            snprintf(want, sizeof(want), "%d", round);
            assert_string_equal(r->repr, want);
            restored += r->restored_from == VIV_RESTORED_FROM_EVICTION;
            harness_free(r);
        }
        /* What is on its way out still counts as resident. */
        harness_sessions(sup, &resident);
        assert_in_range(resident, 0, 4);
    }
    assert_true(restored >= 8 * 4 - 4);
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        assert_int_equal(harness_close(sup, id), VIV_OK);
    }
}

static void the_last_good_scope_survives_a_crash(void **state)
{
    open_session(sup, "s", VIV_DURABILITY_EVERY_EXECUTION);
    expect(sup, "s", "add 5", "5", 0);
    expect_died("s", "exit 3");
    expect(sup, "s", "add 1", "6", VIV_RESTORED_FROM_CRASH);
    expect_died("s", "signal 11");
    expect(sup, "s", "add 1", "7", VIV_RESTORED_FROM_CRASH);
    harness_close(sup, "s");
}

static void a_kill_costs_what_was_not_saved(void **state)
{
    const struct viv_request stubborn = {.execution_id = "k",
                                         .session_id = "s",
                                         .code = "stubborn",
                                         .code_len = 8,
                                         .limits = {.cancel_grace_ns = 1000000}};
    const struct viv_cancel cancel = {.execution_id = "k", .force = true};
    struct run *r;

    open_session(sup, "s", VIV_DURABILITY_EVERY_EXECUTION);
    expect(sup, "s", "add 5", "5", 0);
    r = harness_request(sup, &stubborn);
    harness_wait_started(r);
    harness_cancel(sup, &cancel, NULL);
    harness_wait(r);
    assert_int_equal(r->receipt.delivery, VIV_DELIVERY_KILLED);
    harness_free(r);
    expect(sup, "s", "add 1", "6", VIV_RESTORED_FROM_KILL);
    harness_close(sup, "s");
}

static void a_worker_that_must_not_be_kept_hands_its_scope_over(void **state)
{
    open_session(sup, "s", 0);
    expect(sup, "s", "unkept 5", "5", 0);
    expect(sup, "s", "add 1", "6", VIV_RESTORED_FROM_KILL);
    harness_close(sup, "s");
}

static void a_bad_scope_costs_the_worker_and_no_more(void **state)
{
    const char *const bad[] = {"bad-scope", "scope-of-more", "scope-twice"};

    open_session(sup, "s", VIV_DURABILITY_EVERY_EXECUTION);
    expect(sup, "s", "add 1", "1", 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_died("s", bad[i]);
    expect(sup, "s", "add 1", "2", VIV_RESTORED_FROM_CRASH);
    harness_close(sup, "s");
    /* Outside of a session nobody wants one. */
    harness_expect(sup, "scope-twice", VIV_OUTCOME_WORKER_DIED);
}

static void a_held_worker_that_speaks_or_dies_is_lost(void **state)
{
    const char *const late[] = {"late-note", "late-scope", "late-exit"};
    char want[16];

    open_session(sup, "s", VIV_DURABILITY_EVERY_EXECUTION);
    expect(sup, "s", "add 1", "1", 0);
    for (int i = 0; i < 3; i++) {
        unsigned resident = 1;

        snprintf(want, sizeof(want), "%d", 2 * i + 2);
        expect(sup, "s", late[i], want, i == 0 ? 0 : VIV_RESTORED_FROM_NONE);
        while (resident > 0) {
            nap_ms(1);
            harness_sessions(sup, &resident);
        }
        snprintf(want, sizeof(want), "%d", 2 * i + 3);
        expect(sup, "s", "add 1", want, VIV_RESTORED_FROM_CRASH);
    }
    harness_close(sup, "s");
}

static void a_scope_that_cannot_be_carried_stays_where_it_is(void **state)
{
    struct run *r;

    open_session(sup, "s", VIV_DURABILITY_EVERY_EXECUTION);
    r = harness_in(sup, "s", "no-scope");
    harness_wait(r);
    assert_false(r->saved);
    harness_free(r);
    expect(sup, "s", "add 1", "2", 0);
    harness_close(sup, "s");
}

/* It ends before its reader goes on. */
static void a_reader_who_pauses_holds_up_no_later_execution(void **state)
{
    const struct viv_request paused = {.session_id = "s", .code = "say 100", .code_len = 7};
    const struct viv_request more = {.session_id = "s",
                                     .code = "say 200000",
                                     .code_len = 10,
                                     .limits = {.wall_time_ns = INT64_C(5000000000)}};
    struct run *r;

    open_session(sup, "s", 0);
    r = harness_request_held(sup, &paused);
    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    viv_resume_output(sup, r->ticket);
    harness_free(r);
    r = harness_request(sup, &more);
    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    assert_int_equal(r->streamed, 200000);
    harness_free(r);
    harness_close(sup, "s");
}

static void closing_ends_what_runs_and_what_waits(void **state)
{
    struct run *running, *waiting;

    open_session(sup, "s", 0);
    running = harness_in(sup, "s", "run 60000000");
    harness_wait_started(running);
    waiting = harness_in(sup, "s", "add 1");
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
    harness_wait(running);
    harness_wait(waiting);
    assert_int_equal(running->receipt.cause, VIV_CAUSE_SESSION_CLOSED);
    assert_int_equal(waiting->finished + waiting->rejected, 1);
    harness_free(running);
    harness_free(waiting);
}

static void a_waiting_execution_can_be_cancelled(void **state)
{
    const struct viv_request second = {
        .execution_id = "w", .session_id = "s", .code = "add 1", .code_len = 5};
    const struct viv_cancel cancel = {.execution_id = "w"};
    struct run *running, *waiting;

    open_session(sup, "s", 0);
    running = harness_in(sup, "s", "run 60000000");
    harness_wait_started(running);
    waiting = harness_request(sup, &second);
    harness_cancel(sup, &cancel, NULL);
    harness_wait(waiting);
    assert_int_equal(waiting->outcome, VIV_OUTCOME_CANCELLED);
    harness_free(waiting);
    viv_cancel_ticket(sup, running->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    harness_wait(running);
    harness_free(running);
    harness_close(sup, "s");
}

static atomic_bool blocked;

static void block(void *arg, const struct viv_execution_info *executions, size_t count)
{
    atomic_store(&blocked, true);
    nap_ms(50);
}

/* What is submitted next runs as a whole, before the store answers. */
static void block_reactor(void)
{
    atomic_store(&blocked, false);
    assert_int_equal(viv_list(sup, NULL, block, NULL, NULL), 0);
    while (!atomic_load(&blocked))
        nap_ms(1);
}

static void what_waits_behind_an_opening_that_is_cancelled_is_refused(void **state)
{
    struct run *opening, *waiting;

    block_reactor();
    opening = harness_open(sup, "s", 0);
    waiting = harness_in(sup, "s", "add 1");
    viv_cancel_ticket(sup, opening->ticket, VIV_CAUSE_CALL_CANCELLED, NULL);
    harness_wait(opening);
    assert_int_equal(opening->outcome, VIV_OUTCOME_CANCELLED);
    harness_free(opening);
    expect_refused(waiting, VIV_NOT_FOUND);
    expect_refused(harness_in(sup, "s", "add 1"), VIV_NOT_FOUND);
    assert_int_equal(harness_sessions(sup, NULL), 0);
}

/* The same, where a worker has it already. */
static void what_waits_behind_an_opening_that_is_killed_is_refused(void **state)
{
    const struct viv_request open = {.kind = VIV_REQUEST_OPEN_SESSION,
                                     .execution_id = "o",
                                     .session_id = "s",
                                     .scope = "x",
                                     .scope_len = 1};
    const struct viv_cancel cancel = {.execution_id = "o", .force = true};
    struct run *opening, *waiting;
    struct viv_supervisor *s;
    struct viv_config c;

    harness_config(&c, "slow-scope");
    c.workers_max = 2;
    c.workers_warm = 1;
    s = harness_start(&c);
    opening = harness_request(s, &open);
    harness_wait_started(opening);
    waiting = harness_in(s, "s", "add 1");
    harness_cancel(s, &cancel, NULL);
    harness_wait(opening);
    assert_int_equal(opening->outcome, VIV_OUTCOME_CANCELLED);
    harness_free(opening);
    expect_refused(waiting, VIV_NOT_FOUND);
    assert_int_equal(harness_sessions(s, NULL), 0);
    harness_stop(s);
}

static void held_workers_make_room_for_others(void **state)
{
    struct run *runs[8];

    open_session(sup, "a", 0);
    open_session(sup, "b", 0);
    expect(sup, "a", "add 1", "1", 0);
    expect(sup, "b", "add 1", "1", 0);
    for (int i = 0; i < 8; i++)
        runs[i] = harness_submit(sup, NULL, "run 20000", NULL);
    for (int i = 0; i < 8; i++) {
        harness_wait(runs[i]);
        assert_int_equal(runs[i]->outcome, VIV_OUTCOME_COMPLETED);
        harness_free(runs[i]);
    }
    expect_refused(harness_open(sup, "a", 0), VIV_ALREADY_EXISTS);
    harness_close(sup, "a");
    harness_close(sup, "b");
}

static void on_drained(void *arg)
{
    atomic_store((atomic_bool *)arg, true);
}

static void drain(struct viv_supervisor *s)
{
    atomic_bool drained = false;

    assert_int_equal(viv_drain(s, 0, on_drained, &drained, NULL), 0);
    while (!atomic_load(&drained))
        nap_ms(1);
}

#define LINE 2000

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void wait_for_deadline(void *arg, const struct viv_result *result)
{
    while (now_ns() < *(const int64_t *)arg)
        nap_ms(1);
}

static void count_late(void *arg, const struct viv_error *error)
{
    if (error->status == VIV_DEADLINE_EXCEEDED)
        atomic_fetch_add((atomic_uint *)arg, 1);
}

/* Each one that is too late hands its turn to the next: on the reactor's small stack. */
static void a_long_line_may_be_too_late_as_a_whole(void **state)
{
    const struct viv_callbacks first_ends = {.finished = wait_for_deadline};
    const struct viv_callbacks is_late = {.rejected = count_late};
    struct viv_request r = {.session_id = "s", .code = "run 60000000", .code_len = 12};
    struct viv_config c = config;
    struct viv_supervisor *s;
    atomic_uint late = 0;
    int64_t deadline;
    viv_ticket first;

    c.queue_max = LINE;
    c.workers_warm = 2;
    s = harness_start(&c);
    open_session(s, "s", 0);
    deadline = now_ns() + 1000000000;
    assert_int_equal(viv_submit(s, &r, &first_ends, &deadline, &first, NULL), 0);
    r.deadline_ns = deadline;
    for (int i = 0; i < LINE; i++)
        assert_int_equal(viv_submit(s, &r, &is_late, &late, NULL, NULL), 0);
    viv_cancel_ticket(s, first, VIV_CAUSE_CANCEL_RPC, NULL);
    while (atomic_load(&late) < LINE)
        nap_ms(1);
    harness_stop(s);
}

/* Without a worker it stays for 5 s after its last use, which is when a lease of 15 s is
 * to be renewed. */
static void it_may_leave_while_its_lease_is_renewed(void **state)
{
    struct viv_config c = config;
    struct viv_supervisor *s;

    c.sessions.lease_ns = INT64_C(15000000000);
    s = harness_start(&c);
    open_session(s, "s", 0);
    nap_ms(5500);
    harness_expect(s, "ok", VIV_OUTCOME_COMPLETED);
    expect(s, "s", "add 1", "1", 0);
    harness_stop(s);
}

static void a_store_outlives_its_supervisor(void **state)
{
    struct viv_config c = config;
    struct viv_supervisor *s, *other;

    harness_use_file(&c, "one");
    s = harness_start(&c);
    open_session(s, "s", 0);
    expect(s, "s", "add 5", "5", 0);
    c.sessions.node = "two";
    other = harness_start(&c);
    expect_refused(harness_in(other, "s", "add 1"), VIV_UNAVAILABLE);
    drain(s);
    harness_stop(s);
    expect(other, "s", "add 1", "6", VIV_RESTORED_FROM_OTHER_SUPERVISOR);
    drain(other);
    harness_stop(other);
    s = harness_start(&c);
    expect(s, "s", "add 1", "7", VIV_RESTORED_FROM_RESTART);
    harness_stop(s);
    harness_remove_file();
}

/* The worker takes its time to write the scope down, and is to end meanwhile. */
static void closing_what_is_being_evicted(void **state)
{
    struct viv_config c;
    struct viv_supervisor *s;

    harness_config(&c, "slow-scope");
    c.workers_warm = 1;
    c.workers_max = 4;
    c.sessions.resident_max = 1;
    s = harness_start(&c);
    for (int i = 0; i < 5; i++) {
        open_session(s, "a", 0);
        open_session(s, "b", 0);
        expect(s, "a", "add 1", "1", 0);
        expect(s, "b", "add 1", "1", 0);
        assert_int_equal(harness_close(s, "a"), VIV_OK);
        assert_int_equal(harness_close(s, "b"), VIV_OK);
    }
    drain(s);
    harness_stop(s);
}

static void ending_with_all_under_way(void **state)
{
    struct viv_supervisor *s = harness_start(&config);
    struct run *runs[16];
    char id[16];

    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        runs[2 * i] = harness_open(s, id, VIV_DURABILITY_EVERY_EXECUTION);
        runs[2 * i + 1] = harness_in(s, id, i % 2 ? "add 1" : "run 60000000");
    }
    harness_stop(s);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(runs[i]->finished + runs[i]->rejected, 1);
        harness_free(runs[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_kept_for_it),
        cmocka_unit_test(its_executions_run_in_order),
        cmocka_unit_test(those_past_the_cap_come_back_from_the_store),
        cmocka_unit_test(the_last_good_scope_survives_a_crash),
        cmocka_unit_test(a_kill_costs_what_was_not_saved),
        cmocka_unit_test(a_worker_that_must_not_be_kept_hands_its_scope_over),
        cmocka_unit_test(a_bad_scope_costs_the_worker_and_no_more),
        cmocka_unit_test(a_held_worker_that_speaks_or_dies_is_lost),
        cmocka_unit_test(a_scope_that_cannot_be_carried_stays_where_it_is),
        cmocka_unit_test(a_reader_who_pauses_holds_up_no_later_execution),
        cmocka_unit_test(closing_ends_what_runs_and_what_waits),
        cmocka_unit_test(a_waiting_execution_can_be_cancelled),
        cmocka_unit_test(what_waits_behind_an_opening_that_is_cancelled_is_refused),
        cmocka_unit_test(what_waits_behind_an_opening_that_is_killed_is_refused),
        cmocka_unit_test(held_workers_make_room_for_others),
        cmocka_unit_test(a_long_line_may_be_too_late_as_a_whole),
        cmocka_unit_test(it_may_leave_while_its_lease_is_renewed),
        cmocka_unit_test(a_store_outlives_its_supervisor),
        cmocka_unit_test(closing_what_is_being_evicted),
        cmocka_unit_test(ending_with_all_under_way),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
