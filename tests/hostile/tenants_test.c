/* Tenants as the library's users see them: shares, quotas, what a new table does.
 * Nothing here looks at a clock: it is the order of starts that is checked. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define MIB (UINT64_C(1) << 20)
#define HOUR INT64_C(3600000000000)
#define FOR_EVER "run 1000000000"

static struct viv_supervisor *sup;
static struct viv_config config;

/* One worker; executions count the same however long they take. */
static int begin(void **state)
{
    harness_config(&config, NULL);
    config.workers_warm = config.workers_max = 1;
    config.queue_max = 12000;
    config.execution_cost_min_ns = 24 * HOUR;
    config.defaults.wall_time_ns = HOUR;
    sup = harness_start(&config);
    return 0;
}

static int begin_small(void **state)
{
    harness_config(&config, NULL);
    config.workers_warm = config.workers_max = 4;
    config.queue_max = 4;
    config.defaults.wall_time_ns = HOUR;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static struct viv_tenant_config named(const char *name)
{
    struct viv_tenant_config t;

    viv_tenant_config_init(&t, &config);
    t.tenant = name;
    return t;
}

static void set(const struct viv_tenant_config *tenants, size_t count)
{
    struct viv_error err;

    if (viv_supervisor_set_tenants(sup, tenants, count, &err) < 0)
        fail_msg("%s", err.text);
}

static struct run *submit(const char *tenant, const char *code)
{
    const struct viv_request request = {.tenant = tenant, .code = code, .code_len = strlen(code)};

    return harness_request(sup, &request);
}

static void cancel(struct run *run)
{
    viv_cancel_ticket(sup, run->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
}

static void finish(struct run *run)
{
    harness_wait(run);
    assert_int_equal(run->finished, 1);
    harness_free(run);
}

/* Keeps a worker until it is cancelled. */
static struct run *occupy(const char *tenant)
{
    struct run *run = submit(tenant, FOR_EVER);

    harness_wait_started(run);
    return run;
}

static void expect_refused(struct run *run, enum viv_status status, const char *words)
{
    harness_wait(run);
    assert_int_equal(run->rejected, 1);
    assert_int_equal(run->started, 0);
    assert_int_equal(run->error.status, status);
    assert_non_null(strstr(run->error.text, words));
    assert_int_equal(run->error.retry_after_ns > 0, status == VIV_RESOURCE_EXHAUSTED);
    harness_free(run);
}

/* --- the order of starts -------------------------------------------------------- */

#define ORDER_MAX 16384

/* Written by the reactor. */
static const char *order[ORDER_MAX];
static atomic_uint started, over;

static void note_start(void *arg, const char *id)
{
    unsigned n = atomic_load(&started);

    order[n] = arg;
    atomic_store(&started, n + 1);
}

static void note_end(void *arg, const struct viv_result *result)
{
    atomic_fetch_add(&over, 1);
}

static void note_refusal(void *arg, const struct viv_error *error)
{
    atomic_fetch_add(&over, 1);
}

static void line_up(const char *tenant, unsigned count, enum viv_priority priority,
                    const char *label)
{
    static const struct viv_callbacks callbacks = {
        .started = note_start, .finished = note_end, .rejected = note_refusal};
    const struct viv_request request = {
        .tenant = tenant, .code = "ok", .code_len = 2, .priority = priority};
    struct viv_error err;

    for (unsigned i = 0; i < count; i++)
        if (viv_submit(sup, &request, &callbacks, (void *)label, NULL, &err) < 0)
            fail_msg("%s", err.text);
}

static void await_starts(unsigned count)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    while (atomic_load(&started) < count)
        nanosleep(&moment, NULL);
}

static void forget_starts(void)
{
    atomic_store(&started, 0);
    atomic_store(&over, 0);
}

static unsigned count_of(const char *label, unsigned among)
{
    unsigned count = 0;

    for (unsigned i = 0; i < among; i++)
        count += order[i] == label;
    return count;
}

static void shares_are_those_of_the_weights(void **state)
{
    static const char a[] = "a", b[] = "b", c[] = "c";
    struct viv_tenant_config table[] = {named("a"), named("b"), named("c"), named("default")};
    struct run *first;

    table[0].weight = 1, table[1].weight = 2, table[2].weight = 4;
    set(table, 4);
    forget_starts();
    first = occupy("z");
    line_up("a", 200, 0, a), line_up("b", 200, 0, b), line_up("c", 200, 0, c);
    cancel(first);
    await_starts(280);
    assert_in_range(count_of(a, 280), 38, 42);
    assert_in_range(count_of(b, 280), 76, 84);
    assert_in_range(count_of(c, 280), 152, 168);
    await_starts(600);
    finish(first);
}

static void a_flood_is_passed_by(void **state)
{
    static const char flood[] = "flood", other[] = "other";
    struct run *first;

    forget_starts();
    first = occupy("z");
    line_up("flood", 10000, 0, flood);
    line_up("other", 20, 0, other);
    cancel(first);
    await_starts(42);
    assert_int_equal(count_of(other, 42), 20);
    finish(first);
}

static void urgent_ones_go_first_among_their_own(void **state)
{
    static const char high[] = "high", normal[] = "normal", low[] = "low";
    struct run *first;

    forget_starts();
    first = occupy("z");
    line_up("a", 2, VIV_PRIORITY_LOW, low), line_up("a", 2, VIV_PRIORITY_UNSPECIFIED, normal);
    line_up("a", 2, VIV_PRIORITY_HIGH, high), line_up("a", 2, VIV_PRIORITY_NORMAL, normal);
    cancel(first);
    await_starts(8);
    assert_int_equal(count_of(high, 2), 2);
    assert_int_equal(count_of(normal, 6), 4);
    assert_ptr_equal(order[7], low);
    finish(first);
}

/* --- quotas ------------------------------------------------------------------------ */

static void expect_one_at_a_time(void)
{
    struct run *first = occupy("a"), *second = submit("a", "ok");
    struct viv_description d;

    /* There are workers for others. */
    finish(submit("b", "ok"));
    finish(submit("b", "ok"));
    harness_describe(sup, &d);
    assert_int_equal(d.queued, 1);
    assert_int_equal(second->started, 0);
    cancel(first);
    finish(first);
    finish(second);
}

static void running_ones_are_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};

    table[0].running = 1;
    set(table, 2);
    expect_one_at_a_time();
}

static void their_memory_is_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};

    table[0].memory_bytes = 700 * MIB; /* of 512 MiB each */
    set(table, 2);
    expect_one_at_a_time();
}

static void a_larger_cap_is_used_at_once(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    struct run *first, *second;

    table[0].running = 1;
    set(table, 2);
    first = occupy("a");
    second = submit("a", "ok");
    table[0].running = 2;
    set(table, 2);
    finish(second);
    cancel(first);
    finish(first);
}

static void waiting_ones_are_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    struct run *first, *second;

    table[0].running = table[0].queued = 1;
    set(table, 2);
    first = occupy("a");
    second = submit("a", "ok");
    expect_refused(submit("a", "ok"), VIV_RESOURCE_EXHAUSTED, "2 executions of the tenant");
    finish(submit("b", "ok"));
    cancel(first);
    finish(first);
    finish(second);
}

/* Who has been told of the end may begin the next one. */
static void a_place_is_free_before_its_end_is_told(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};

    table[0].running = 1;
    table[0].queued = 0;
    set(table, 2);
    for (int i = 0; i < 300; i++)
        finish(submit("a", "ok"));
}

static void the_rate_is_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};

    table[0].rate = 0.001;
    table[0].burst = 2;
    set(table, 2);
    finish(submit("a", "ok"));
    finish(submit("a", "ok"));
    expect_refused(submit("a", "ok"), VIV_RESOURCE_EXHAUSTED, "0.001 executions a second");
    finish(submit("b", "ok"));
}

static void limits_are_the_tenants(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    const struct viv_request request = {
        .tenant = "a", .code = "ok", .code_len = 2, .limits.pids = 6};

    table[0].defaults.pids = table[0].ceilings.pids = 5;
    set(table, 2);
    expect_refused(harness_request(sup, &request), VIV_INVALID_ARGUMENT, "ceiling of 5");
    finish(submit("a", "ok"));
}

/* --- sessions ------------------------------------------------------------------------ */

static struct run *in_session(const char *tenant, const char *session, const char *code,
                              enum viv_request_kind kind)
{
    const struct viv_request request = {
        .kind = kind,
        .tenant = tenant,
        .session_id = session,
        .code = code,
        .code_len = strlen(code),
        .durability = kind == VIV_REQUEST_OPEN_SESSION ? VIV_DURABILITY_EVERY_EXECUTION : 0};

    return harness_request(sup, &request);
}

static void open_session(const char *tenant, const char *session)
{
    finish(in_session(tenant, session, "", VIV_REQUEST_OPEN_SESSION));
}

static struct run *add(const char *tenant, const char *session)
{
    return in_session(tenant, session, "add 1", VIV_REQUEST_EXECUTE);
}

static void sessions_in_use_are_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    struct run *run;

    table[0].sessions = 2;
    set(table, 2);
    open_session("a", "1"), open_session("a", "2");
    finish(add("a", "1"));
    finish(add("a", "2"));
    run = in_session("a", "3", "", VIV_REQUEST_OPEN_SESSION);
    harness_wait(run);
    assert_int_equal(run->error.status, VIV_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(run->error.text, "2 sessions of the tenant"));
    harness_free(run);
    open_session("b", "1"), open_session("b", "2"), open_session("b", "3");
}

/* One worker for all of a tenant's sessions: each finds it taken, and the scope
 * in the store. */
static void resident_ones_are_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    struct run *run;

    table[0].resident_sessions = 1;
    set(table, 2);
    open_session("a", "1"), open_session("a", "2");
    for (int i = 1; i <= 5; i++) {
        for (int session = 1; session <= 2; session++) {
            char repr[8];

            run = add("a", session == 1 ? "1" : "2");
            harness_wait(run);
            snprintf(repr, sizeof(repr), "%d", i);
            assert_string_equal(run->repr, repr);
            assert_int_equal(run->restored_from,
                             i == 1 ? run->restored_from : VIV_RESTORED_FROM_EVICTION);
            finish(run);
        }
    }
}

static void what_they_store_is_capped(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")};
    struct run *run;

    table[0].stored_bytes = 1;
    set(table, 2);
    open_session("b", "1");
    run = in_session("a", "1", "", VIV_REQUEST_OPEN_SESSION);
    harness_wait(run);
    assert_int_equal(run->rejected, 1);
    assert_int_equal(run->error.status, VIV_RESOURCE_EXHAUSTED);
    harness_free(run);
}

/* --- a full queue -------------------------------------------------------------------- */

static void who_has_most_makes_room_for_who_has_less(void **state)
{
    struct run *running[4], *waiting[4], *other;

    for (int i = 0; i < 4; i++)
        running[i] = occupy("a");
    for (int i = 0; i < 4; i++)
        waiting[i] = submit("a", "ok");
    other = submit("b", "ok");
    expect_refused(waiting[3], VIV_RESOURCE_EXHAUSTED, "other tenants have less");
    expect_refused(submit("a", "ok"), VIV_RESOURCE_EXHAUSTED, "try again later");
    for (int i = 0; i < 4; i++) {
        cancel(running[i]);
        finish(running[i]);
    }
    for (int i = 0; i < 3; i++)
        finish(waiting[i]);
    finish(other);
}

/* A line before one session is a flood, too. */
static void those_that_wait_for_a_session_make_room(void **state)
{
    struct run *lined[8], *other;

    open_session("a", "1");
    lined[0] = in_session("a", "1", FOR_EVER, VIV_REQUEST_EXECUTE);
    harness_wait_started(lined[0]);
    for (int i = 1; i < 8; i++)
        lined[i] = add("a", "1");
    other = submit("b", "ok");
    expect_refused(lined[7], VIV_RESOURCE_EXHAUSTED, "other tenants have less");
    finish(other);
    cancel(lined[0]);
    for (int i = 0; i < 7; i++)
        finish(lined[i]);
}

static void what_is_too_late_does_not_start(void **state)
{
    const struct viv_request request = {
        .tenant = "a", .code = "ok", .code_len = 2, .deadline_ns = 1};

    expect_refused(harness_request(sup, &request), VIV_DEADLINE_EXCEEDED, "its deadline came");
    finish(submit("a", "ok"));
}

/* --- the table ------------------------------------------------------------------------- */

static void unknown_tenants_are_refused_without_a_default(void **state)
{
    struct viv_tenant_config table[] = {named("a")};
    struct viv_error err;

    set(table, 1);
    expect_refused(submit("b", "ok"), VIV_PERMISSION_DENIED, "tenant b may not");
    expect_refused(submit(NULL, "ok"), VIV_PERMISSION_DENIED, "tenant default may not");
    assert_int_equal(viv_describe(sup, "b", NULL, NULL, &err), -1);
    assert_int_equal(err.status, VIV_PERMISSION_DENIED);
    finish(submit("a", "ok"));
}

static void a_new_table_leaves_what_runs_and_waits(void **state)
{
    struct viv_tenant_config a = named("a"), b = named("b");
    struct run *first, *second;

    a.running = 1;
    set(&a, 1);
    first = occupy("a");
    second = submit("a", "ok");
    set(&b, 1);
    expect_refused(submit("a", "ok"), VIV_PERMISSION_DENIED, "a");
    cancel(first);
    finish(first);
    finish(second);
    set(&a, 1);
    finish(submit("a", "ok"));
}

static void a_wrong_table_changes_nothing(void **state)
{
    struct viv_tenant_config a = named("a"), wrong[] = {named("b"), named("b")};
    struct viv_error err;

    set(&a, 1);
    assert_int_equal(viv_supervisor_set_tenants(sup, wrong, 2, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "tenant b is there twice"));
    finish(submit("a", "ok"));
    expect_refused(submit("b", "ok"), VIV_PERMISSION_DENIED, "b");
}

/* Reloads while executions come and go. */
static void new_tables_under_load(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("b"), named("default")};
    struct run *runs[8];

    for (unsigned round = 0; round < 200; round++) {
        table[0].weight = 1 + round % 7;
        table[1].running = 1 + round % 4;
        set(table, 3);
        for (int i = 0; i < 8; i++)
            runs[i] = submit(i % 2 ? "a" : "b", "ok");
        for (int i = 0; i < 8; i++) {
            harness_wait(runs[i]);
            assert_int_equal(runs[i]->finished + runs[i]->rejected, 1);
            assert_true(runs[i]->finished || runs[i]->error.status == VIV_RESOURCE_EXHAUSTED);
            harness_free(runs[i]);
        }
    }
}

static void on_describe(void *arg, const struct viv_description *d)
{
    struct viv_tenant_config *quotas = arg;

    assert_string_equal(d->quotas.tenant, "a");
    *quotas = d->quotas;
    atomic_store(&over, 1);
}

static void each_is_told_its_own_quotas(void **state)
{
    struct viv_tenant_config table[] = {named("a"), named("default")}, quotas = {0};

    table[0].weight = 9;
    table[0].ceilings.pids = 77;
    set(table, 2);
    forget_starts();
    assert_int_equal(viv_describe(sup, "a", on_describe, &quotas, NULL), 0);
    while (atomic_load(&over) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(quotas.weight, 9);
    assert_int_equal(quotas.ceilings.pids, 77);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define SMALL(f) cmocka_unit_test_setup_teardown(f, begin_small, end)
    const struct CMUnitTest tests[] = {
        TEST(shares_are_those_of_the_weights),
        TEST(a_flood_is_passed_by),
        TEST(urgent_ones_go_first_among_their_own),
        SMALL(running_ones_are_capped),
        SMALL(their_memory_is_capped),
        SMALL(a_larger_cap_is_used_at_once),
        SMALL(waiting_ones_are_capped),
        SMALL(a_place_is_free_before_its_end_is_told),
        SMALL(the_rate_is_capped),
        SMALL(limits_are_the_tenants),
        SMALL(sessions_in_use_are_capped),
        SMALL(resident_ones_are_capped),
        SMALL(what_they_store_is_capped),
        SMALL(who_has_most_makes_room_for_who_has_less),
        SMALL(those_that_wait_for_a_session_make_room),
        SMALL(what_is_too_late_does_not_start),
        SMALL(unknown_tenants_are_refused_without_a_default),
        SMALL(a_new_table_leaves_what_runs_and_waits),
        SMALL(a_wrong_table_changes_nothing),
        SMALL(new_tables_under_load),
        SMALL(each_is_told_its_own_quotas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
