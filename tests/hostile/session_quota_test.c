/* Sessions and what their tenant may have: of running executions, of places, of
 * bytes on their way to workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define FOR_EVER "run 1000000000"
#define HOUR INT64_C(3600000000000)
#define REQUEST_BYTES 1000

static struct viv_supervisor *sup;
static struct viv_config config;

static int begin(void **state)
{
    struct viv_tenant_config tenant;

    harness_config(&config, NULL);
    config.workers_warm = 1;
    config.workers_max = 4;
    config.sessions.max = 3;
    config.sessions.resident_max = 3;
    config.defaults.wall_time_ns = HOUR;
    config.request_bytes_max = config.request_bytes_total = REQUEST_BYTES;
    sup = harness_start(&config);
    viv_tenant_config_init(&tenant, &config);
    tenant.running = 1;
    return viv_supervisor_set_tenants(sup, &tenant, 1, NULL);
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

/* The session "s" on its worker, with this sum. */
static void open_warm(void)
{
    harness_finish(harness_open(sup, "s", VIV_DURABILITY_EVERY_EXECUTION), NULL, 0);
    harness_finish(harness_in(sup, "s", "add 1"), "1", 0);
}

/* All that its tenant may run. */
static struct run *occupy(const char *code)
{
    struct run *r = harness_submit(sup, NULL, code, NULL);

    harness_wait_started(r);
    return r;
}

static void stop(struct run *r)
{
    viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    harness_wait(r);
    harness_free(r);
}

static void expect_held(const struct run *r)
{
    struct viv_description d;

    harness_describe(sup, &d);
    assert_int_equal(d.own_running, 1);
    assert_int_equal(d.own_queued, 1);
    assert_int_equal(r->started, 0);
}

static void a_warm_session_waits_until_its_tenant_may_run_one_more(void **state)
{
    struct run *other, *r;

    open_warm();
    other = occupy(FOR_EVER);
    r = harness_in(sup, "s", "add 1");
    expect_held(r);
    stop(other);
    harness_finish(r, "2", 0);
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
}

static void what_waits_so_can_be_cancelled_and_closed(void **state)
{
    const struct viv_request named = {
        .execution_id = "w", .session_id = "s", .code = "add 1", .code_len = 5};
    const struct viv_cancel cancel = {.execution_id = "w"};
    struct run *other, *r;

    open_warm();
    other = occupy(FOR_EVER);
    r = harness_request(sup, &named);
    expect_held(r);
    harness_cancel(sup, &cancel, NULL);
    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_CANCELLED);
    harness_free(r);
    r = harness_in(sup, "s", "add 1");
    expect_held(r);
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
    harness_wait(r);
    assert_int_equal(r->finished + r->rejected, 1);
    assert_int_equal(r->started, 0);
    harness_free(r);
    stop(other);
}

static void its_deadline_comes_while_it_waits_so(void **state)
{
    struct timespec now;
    struct viv_request late = {.session_id = "s", .code = "add 1", .code_len = 5};
    struct run *other, *r;

    open_warm();
    other = occupy(FOR_EVER);
    clock_gettime(CLOCK_MONOTONIC, &now);
    late.deadline_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + 50000000;
    r = harness_request(sup, &late);
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, VIV_DEADLINE_EXCEEDED);
    harness_free(r);
    stop(other);
    harness_finish(harness_in(sup, "s", "add 1"), "2", 0);
    harness_close(sup, "s");
}

/* Its worker ends under it: then it needs another one. */
static void who_loses_its_worker_while_it_waits_gets_another(void **state)
{
    struct run *other, *r;
    unsigned resident = 1;

    open_warm();
    harness_finish(harness_in(sup, "s", "late-exit"), NULL, 0);
    other = occupy(FOR_EVER);
    r = harness_in(sup, "s", "add 1");
    while (resident > 0)
        harness_sessions(sup, &resident);
    expect_held(r);
    stop(other);
    harness_wait(r);
    assert_int_equal(r->restored_from, VIV_RESTORED_FROM_CRASH);
    harness_free(r);
    harness_close(sup, "s");
}

static void draining_takes_what_waits_so(void **state)
{
    struct viv_supervisor *mine;
    struct run *other, *r;

    open_warm();
    other = occupy(FOR_EVER);
    r = harness_in(sup, "s", "add 1");
    expect_held(r);
    mine = sup;
    harness_stop(mine);
    assert_int_equal(r->finished + r->rejected, 1);
    assert_int_equal(other->finished + other->rejected, 1);
    harness_free(r);
    harness_free(other);
    begin(state);
}

static void who_finds_no_place_is_told_when_to_come(void **state)
{
    const char *const ids[] = {"a", "b", "c"};
    struct run *r;

    for (int i = 0; i < 3; i++)
        harness_finish(harness_open(sup, ids[i], 0), NULL, 0);
    r = harness_open(sup, "d", 0);
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, VIV_RESOURCE_EXHAUSTED);
    assert_true(r->error.retry_after_ns > 0);
    harness_free(r);
    for (int i = 0; i < 3; i++)
        assert_int_equal(harness_close(sup, ids[i]), VIV_OK);
}

/* What lies in the store takes room beside the requests once it is fetched. */
static void a_snapshot_without_room_stays_in_the_store(void **state)
{
    char code[REQUEST_BYTES - 5];
    struct run *other, *r;
    unsigned resident = 1;

    open_warm();
    harness_finish(harness_in(sup, "s", "late-exit"), NULL, 0);
    while (resident > 0)
        harness_sessions(sup, &resident);
    snprintf(code, sizeof(code), "%-*s", (int)sizeof(code) - 1, FOR_EVER);
    other = occupy(code);
    r = harness_in(sup, "s", "add 1");
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, VIV_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(r->error.text, "don't fit"));
    assert_true(r->error.retry_after_ns > 0);
    harness_free(r);
    stop(other);
    r = harness_in(sup, "s", "add 1");
    harness_finish(r, "3", VIV_RESTORED_FROM_CRASH);
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_session_waits_until_its_tenant_may_run_one_more),
        cmocka_unit_test(what_waits_so_can_be_cancelled_and_closed),
        cmocka_unit_test(its_deadline_comes_while_it_waits_so),
        cmocka_unit_test(who_loses_its_worker_while_it_waits_gets_another),
        cmocka_unit_test(draining_takes_what_waits_so),
        cmocka_unit_test(who_finds_no_place_is_told_when_to_come),
        cmocka_unit_test(a_snapshot_without_room_stays_in_the_store),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
