/* Sessions whose scopes can't be stored, at an eviction and at a drain; and what is asked
 * of sessions beside executions, held against the tenant's part. */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

static struct viv_config config;
static struct viv_supervisor *sup;

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* With `stored` 1 nothing can be saved any more. */
static void set_tenant(uint64_t stored, unsigned resident, unsigned sessions)
{
    struct viv_tenant_config tenant;

    viv_tenant_config_init(&tenant, &config);
    tenant.stored_bytes = stored;
    tenant.resident_sessions = resident;
    tenant.sessions = sessions;
    assert_int_equal(viv_supervisor_set_tenants(sup, &tenant, 1, NULL), 0);
}

static void start(unsigned workers)
{
    config.workers_max = workers;
    config.sessions.resident_max = workers > 1 ? 2 : 1;
    sup = harness_start(&config);
}

static int set_up(void **state)
{
    harness_config(&config, NULL);
    config.workers_warm = 1;
    config.sessions.max = 8;
    return 0;
}

static void open_session(const char *id)
{
    harness_finish(harness_open(sup, id, 0), NULL, 0);
}

static void expect_refused(struct run *r, const char *words)
{
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, VIV_RESOURCE_EXHAUSTED);
    assert_true(r->error.retry_after_ns > 0);
    assert_non_null(strstr(r->error.text, words));
    harness_free(r);
}

static unsigned resident(void)
{
    unsigned count;

    harness_sessions(sup, &count);
    return count;
}

/* It would try again without end. */
static void a_drain_ends_though_nothing_can_be_saved(void **state)
{
    start(2);
    open_session("s");
    harness_finish(harness_in(sup, "s", "add 5"), "5", 0);
    set_tenant(1, 2, 8);
    harness_drain(sup);
    assert_int_equal(resident(), 0);
    harness_stop(sup);
}

/* The one worker is the session's; another execution asks for it in vain. */
static struct run *fail_to_evict(void)
{
    struct run *other;

    open_session("s");
    harness_finish(harness_in(sup, "s", "add 5"), "5", 0);
    set_tenant(1, 2, 8);
    other = harness_submit(sup, NULL, "ok", NULL);
    nap_ms(200);
    assert_int_equal(resident(), 1);
    assert_false(harness_has_finished(other));
    return other;
}

static void what_failed_once_is_saved_at_the_drain(void **state)
{
    struct run *other;

    harness_use_file(&config, "one");
    start(1);
    other = fail_to_evict();
    set_tenant(0, 2, 8);
    harness_drain(sup);
    harness_wait(other);
    harness_free(other);
    harness_stop(sup);
    start(1);
    harness_finish(harness_in(sup, "s", "add 1"), "6", VIV_RESTORED_FROM_RESTART);
    harness_stop(sup);
    harness_remove_file();
}

static void another_scope_may_fit(void **state)
{
    struct run *other;

    start(1);
    other = fail_to_evict();
    set_tenant(0, 2, 8);
    harness_finish(harness_in(sup, "s", "add 1"), "6", 0);
    harness_wait(other);
    assert_int_equal(other->outcome, VIV_OUTCOME_COMPLETED);
    harness_free(other);
    harness_finish(harness_in(sup, "s", "add 1"), "7", VIV_RESTORED_FROM_EVICTION);
    harness_stop(sup);
}

/* One tenant's keep no more workers than it may have resident ones. */
static void unsavable_ones_leave_workers_to_others(void **state)
{
    static const char *const ids[] = {"a", "b", "c", "d"};

    start(4);
    for (int i = 0; i < 4; i++)
        open_session(ids[i]);
    set_tenant(1, 1, 8);
    harness_finish(harness_in(sup, "a", "add 1"), "1", 0);
    harness_finish(harness_in(sup, "b", "add 1"), "1", 0);
    while (resident() > 1)
        nap_ms(1);
    for (int i = 2; i < 4; i++)
        expect_refused(harness_in(sup, ids[i], "add 1"), "can't be stored");
    harness_finish(harness_in(sup, "a", "add 1"), "2", 0);
    harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    assert_int_equal(harness_close(sup, "a"), VIV_OK);
    harness_finish(harness_in(sup, "c", "add 1"), "1", 0);
    harness_stop(sup);
}

static struct run *in_session_of(const char *tenant, const char *id, const char *code)
{
    const struct viv_request request = {.kind = code ? VIV_REQUEST_EXECUTE
                                                     : VIV_REQUEST_OPEN_SESSION,
                                        .tenant = tenant,
                                        .session_id = id,
                                        .durability = code ? 0 : VIV_DURABILITY_EVERY_EXECUTION,
                                        .code = code,
                                        .code_len = code ? strlen(code) : 0};

    return harness_request(sup, &request);
}

static void end_run(struct run *r)
{
    harness_wait(r);
    assert_int_equal(r->rejected, 0);
    harness_free(r);
}

static void use_two_tenants(unsigned resident_of_many)
{
    struct viv_tenant_config tenants[3];

    for (int i = 0; i < 3; i++)
        viv_tenant_config_init(&tenants[i], &config);
    tenants[1].tenant = "many";
    tenants[1].resident_sessions = resident_of_many;
    tenants[2].tenant = "one";
    assert_int_equal(viv_supervisor_set_tenants(sup, tenants, 3, NULL), 0);
}

/* Those that are saved after each execution, and never can be. */
static void so_do_those_that_run_again_and_again(void **state)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    struct run *runs[4];

    start(4);
    use_two_tenants(1);
    for (int i = 0; i < 4; i++)
        end_run(in_session_of("many", ids[i], NULL));
    for (int i = 0; i < 4; i++)
        runs[i] = in_session_of("many", ids[i], "manifest-only");
    for (int i = 0; i < 4; i++)
        end_run(runs[i]);
    harness_expect(sup, "ok", VIV_OUTCOME_COMPLETED);
    harness_stop(sup);
}

/* Whoever has most of them pays, running or not. */
static void who_has_few_keeps_his(void **state)
{
    struct run *busy[2];

    start(6);
    use_two_tenants(2);
    end_run(in_session_of("many", "a", NULL));
    end_run(in_session_of("many", "b", NULL));
    end_run(in_session_of("many", "a", "manifest-only"));
    end_run(in_session_of("many", "b", "manifest-only"));
    busy[0] = in_session_of("many", "a", "run 100000000");
    busy[1] = in_session_of("many", "b", "run 100000000");
    harness_wait_started(busy[0]);
    harness_wait_started(busy[1]);
    end_run(in_session_of("one", "s", NULL));
    end_run(in_session_of("one", "s", "manifest-only"));
    nap_ms(200);
    harness_finish(in_session_of("one", "s", "add 1"), "2", 0);
    for (int i = 0; i < 2; i++) {
        viv_cancel_ticket(sup, busy[i]->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
        end_run(busy[i]);
    }
    harness_stop(sup);
}

static void closing_what_is_stored_takes_a_place_of_the_tenants(void **state)
{
    start(2);
    set_tenant(0, 2, 1);
    open_session("s");
    assert_int_equal(harness_close(sup, "other"), VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
    assert_int_equal(harness_close(sup, "other"), VIV_NOT_FOUND);
    harness_stop(sup);
}

enum { LISTINGS = 100, LISTINGS_OF_A_TENANT = 16 };

static atomic_uint listed, refused;

static void on_sessions(void *arg, const struct viv_session_info *sessions, size_t count,
                        const struct viv_error *error)
{
    if (error) {
        assert_int_equal(error->status, VIV_RESOURCE_EXHAUSTED);
        assert_true(error->retry_after_ns > 0);
    }
    atomic_fetch_add(error ? &refused : &listed, 1);
}

/* On the supervisor's thread: it does none of them before all are asked for. */
static void ask_for_many(void *arg, const struct viv_execution_info *executions, size_t count)
{
    for (int i = 0; i < LISTINGS; i++)
        assert_int_equal(viv_session_list(sup, NULL, on_sessions, NULL, NULL), 0);
}

static void so_many_listings_at_a_time(void **state)
{
    start(2);
    assert_int_equal(viv_list(sup, NULL, ask_for_many, NULL, NULL), 0);
    while (atomic_load(&listed) + atomic_load(&refused) < LISTINGS)
        nap_ms(1);
    assert_int_equal(atomic_load(&listed), LISTINGS_OF_A_TENANT);
    assert_int_equal(harness_sessions(sup, &(unsigned){0}), 0);
    harness_stop(sup);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_drain_ends_though_nothing_can_be_saved),
        TEST(what_failed_once_is_saved_at_the_drain),
        TEST(another_scope_may_fit),
        TEST(unsavable_ones_leave_workers_to_others),
        TEST(so_do_those_that_run_again_and_again),
        TEST(who_has_few_keeps_his),
        TEST(closing_what_is_stored_takes_a_place_of_the_tenants),
        TEST(so_many_listings_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
