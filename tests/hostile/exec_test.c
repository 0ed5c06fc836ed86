/* Workers with zygotes of their own, over the fake worker: who lives and dies with
 * whom, who waits for whom, and what is told where they don't start. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define HOUR INT64_C(3600000000000)
#define FOR_EVER "run 1000000000"
#define MANY 20

static struct viv_supervisor *sup;
static struct viv_config config;
static struct viv_profile alone;
static char folder[] = "/tmp/viv-exec-XXXXXX", file[64], word[80];
static const char *preload[] = {word, NULL};

static const char *const both[] = {"default", "alone", NULL};

static void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void set_tenants(const struct viv_tenant_config *all, size_t count)
{
    struct viv_error err;

    if (viv_supervisor_set_tenants(sup, all, count, &err) < 0)
        fail_msg("%s", err.text);
}

static void set_tenant(enum viv_isolation isolation)
{
    struct viv_tenant_config t;

    viv_tenant_config_init(&t, &config);
    t.profiles = both;
    t.isolation = isolation;
    set_tenants(&t, 1);
}

/* "default", of clones, and "alone", whose zygotes `start` as the fake knows. */
static void begin_with(const char *start, unsigned workers, unsigned warm)
{
    snprintf(file, sizeof(file), "%s/file", folder);
    snprintf(word, sizeof(word), "%s:%s", start ? start : "", file);
    harness_config(&config, NULL);
    config.workers_max = workers;
    config.workers_warm = 1;
    config.defaults.wall_time_ns = HOUR;
    alone = (struct viv_profile){.name = "alone",
                                 .preload = start ? preload : NULL,
                                 .workers_warm = warm,
                                 .isolation = VIV_ISOLATION_EXEC};
    config.profiles = &alone;
    config.profile_count = 1;
    sup = harness_start(&config);
    set_tenant(VIV_ISOLATION_FORK);
}

/* A zygote for each profile, and one for each worker of "alone". */
static void await_zygotes(size_t wanted)
{
    pid_t pids[64];

    while (harness_children(pids, 64) != wanted)
        nap();
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* That is there now and was not before. */
static pid_t new_zygote(const pid_t *before, size_t count)
{
    pid_t now[64];
    size_t now_count = harness_children(now, 64);

    for (size_t i = 0; i < now_count; i++)
        if (!is_among(now[i], before, count))
            return now[i];
    fail_msg("there is no new zygote");
    return 0;
}

static void end_all(void)
{
    harness_stop(sup);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    unlink(file);
    strcat(file, ".first");
    unlink(file);
}

static struct run *submit(const char *tenant, const char *profile, const char *code)
{
    const struct viv_request request = {
        .tenant = tenant, .worker_profile = profile, .code = code, .code_len = strlen(code)};

    return harness_request(sup, &request);
}

static struct run *start(const char *profile, const char *code)
{
    struct run *r = submit(NULL, profile, code);

    harness_wait_started(r);
    return r;
}

static void ends(struct run *r, enum viv_outcome outcome)
{
    harness_wait(r);
    if (r->rejected)
        fail_msg("%s", r->error.text);
    assert_int_equal(r->outcome, outcome);
    harness_free(r);
}

static void cancel(struct run *r, enum viv_outcome outcome)
{
    viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    ends(r, outcome);
}

/* --- who lives and dies with whom ---------------------------------------------------- */

static void each_worker_has_a_zygote_of_its_own(void **state)
{
    struct run *runs[3];

    begin_with(NULL, 8, 0);
    await_zygotes(2);
    for (int i = 0; i < 3; i++)
        runs[i] = start("alone", FOR_EVER);
    await_zygotes(2 + 3);
    for (int i = 0; i < 3; i++)
        cancel(runs[i], VIV_OUTCOME_CANCELLED);
    await_zygotes(2);
    end_all();
}

static void the_reserve_has_its_zygotes(void **state)
{
    begin_with(NULL, 8, 3);
    await_zygotes(2 + 3);
    ends(submit(NULL, "alone", "ok"), VIV_OUTCOME_COMPLETED);
    await_zygotes(2 + 3);
    end_all();
}

static void its_zygote_s_death_is_its_own_alone(void **state)
{
    pid_t before[64];
    struct run *kept, *lost;
    size_t count;

    begin_with(NULL, 4, 0);
    kept = start("alone", FOR_EVER);
    count = harness_children(before, 64);
    lost = start("alone", FOR_EVER);
    assert_int_equal(kill(new_zygote(before, count), SIGKILL), 0);
    ends(lost, VIV_OUTCOME_WORKER_DIED);
    ends(submit(NULL, "alone", "ok"), VIV_OUTCOME_COMPLETED);
    ends(submit(NULL, "", "ok"), VIV_OUTCOME_COMPLETED);
    assert_int_equal(kept->finished, 0);
    cancel(kept, VIV_OUTCOME_CANCELLED);
    end_all();
}

static void the_profile_s_zygote_may_die_without_them(void **state)
{
    struct viv_stats stats;
    pid_t profiles[2];
    struct run *kept;

    begin_with(NULL, 4, 0);
    await_zygotes(2);
    assert_int_equal(harness_children(profiles, 2), 2);
    kept = start("alone", FOR_EVER);
    for (int i = 0; i < 2; i++)
        kill(profiles[i], SIGKILL);
    do {
        nap();
        viv_stats(sup, &stats);
    } while (stats.zygote_starts < 4);
    ends(submit(NULL, "alone", "ok"), VIV_OUTCOME_COMPLETED);
    assert_int_equal(kept->finished, 0);
    cancel(kept, VIV_OUTCOME_CANCELLED);
    end_all();
}

/* A mixture of ends; end_all() looks for what they leave. */
static void no_process_and_no_descriptor_is_left(void **state)
{
    static const struct {
        const char *code;
        enum viv_outcome outcome;
    } all[] = {{"ok", VIV_OUTCOME_COMPLETED},          {"exit 3", VIV_OUTCOME_WORKER_DIED},
               {"signal 11", VIV_OUTCOME_WORKER_DIED}, {"garbage", VIV_OUTCOME_WORKER_DIED},
               {"close", VIV_OUTCOME_WORKER_DIED},     {"stubborn", VIV_OUTCOME_CANCELLED},
               {FOR_EVER, VIV_OUTCOME_CANCELLED}};
    unsigned fds = harness_open_fds();

    begin_with(NULL, 4, 2);
    for (int i = 0; i < 70; i++) {
        enum viv_outcome outcome = all[i % 7].outcome;
        struct run *r = start("alone", all[i % 7].code);

        if (outcome == VIV_OUTCOME_CANCELLED)
            viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
        ends(r, outcome);
    }
    harness_drain(sup);
    end_all();
    assert_int_equal(harness_open_fds(), fds);
}

static void an_end_while_they_start_leaves_nothing(void **state)
{
    unsigned fds = harness_open_fds();
    struct run *r;

    begin_with("gate", 4, 3);
    r = submit(NULL, "alone", "ok");
    end_all();
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    harness_free(r);
    assert_int_equal(harness_open_fds(), fds);
}

/* --- sessions ------------------------------------------------------------------------- */

static void add_in(const char *repr, enum viv_restored_from from)
{
    struct run *r = harness_in(sup, "mine", "add 1");

    harness_wait(r);
    assert_string_equal(r->repr, repr);
    assert_int_equal(r->restored_from, from);
    assert_int_equal(r->isolation, VIV_ISOLATION_EXEC);
    harness_free(r);
}

static void a_session_keeps_its_worker_and_its_zygote(void **state)
{
    const struct viv_request open = {.kind = VIV_REQUEST_OPEN_SESSION,
                                     .code = "",
                                     .session_id = "mine",
                                     .worker_profile = "alone"};
    pid_t before[64];
    size_t count;

    begin_with(NULL, 4, 0);
    await_zygotes(2);
    count = harness_children(before, 64);
    ends(harness_request(sup, &open), VIV_OUTCOME_COMPLETED);
    add_in("1", VIV_RESTORED_FROM_NONE);
    add_in("2", VIV_RESTORED_FROM_NONE);
    await_zygotes(3);
    kill(new_zygote(before, count), SIGKILL);
    await_zygotes(2);
    add_in("1", VIV_RESTORED_FROM_CRASH);
    assert_int_equal(harness_close(sup, "mine"), VIV_OK);
    await_zygotes(2);
    end_all();
}

/* --- whose ----------------------------------------------------------------------------- */

static void expect_isolation(const char *tenant, const char *profile, enum viv_isolation wanted)
{
    struct run *r = submit(tenant, profile, "ok");

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s", r->error.text);
    assert_int_equal(r->isolation, wanted);
    harness_free(r);
}

static void a_tenant_may_ask_for_it_in_every_profile(void **state)
{
    struct viv_tenant_config t[2];

    begin_with(NULL, 4, 0);
    for (int i = 0; i < 2; i++) {
        viv_tenant_config_init(&t[i], &config);
        t[i].profiles = both;
    }
    t[1].tenant = "careful";
    t[1].isolation = VIV_ISOLATION_EXEC;
    set_tenants(t, 2);
    for (int i = 0; i < 3; i++) {
        expect_isolation("careful", "", VIV_ISOLATION_EXEC);
        expect_isolation("careful", "alone", VIV_ISOLATION_EXEC);
        expect_isolation("default", "", VIV_ISOLATION_FORK);
        expect_isolation("default", "alone", VIV_ISOLATION_EXEC);
    }
    t[1].isolation = VIV_ISOLATION_FORK;
    set_tenants(t, 2);
    expect_isolation("careful", "", VIV_ISOLATION_FORK);
    end_all();
}

static void describe_says_it(void **state)
{
    struct viv_description d;

    begin_with(NULL, 4, 0);
    harness_describe(sup, &d);
    assert_int_equal(d.isolation, VIV_ISOLATION_FORK);
    set_tenant(VIV_ISOLATION_EXEC);
    harness_describe(sup, &d);
    assert_int_equal(d.isolation, VIV_ISOLATION_EXEC);
    end_all();
}

static void there_is_no_third_isolation(void **state)
{
    struct viv_tenant_config t;
    struct viv_error err;

    viv_config_init(&config);
    alone = (struct viv_profile){.name = "alone", .isolation = (enum viv_isolation)2};
    config.profiles = &alone;
    config.profile_count = 1;
    assert_int_equal(viv_config_check(&config, &err), -1);
    assert_string_equal(err.text, "profile alone: there is no isolation 2");
    viv_tenant_config_init(&t, &config);
    t.isolation = (enum viv_isolation)2;
    assert_int_equal(viv_tenants_check(&t, 1, &err), -1);
    assert_string_equal(err.text, "tenant default: there is no isolation 2");
}

/* --- who waits --------------------------------------------------------------------------- */

static void open_gate(void)
{
    FILE *f = fopen(file, "we");

    assert_non_null(f);
    fclose(f);
}

/* Zygotes that never come up, and more executions than may wait for clones. */
static void who_waits_for_a_zygote_is_in_nobody_s_way(void **state)
{
    struct run *runs[MANY * 2];

    begin_with("gate", 8, 0);
    for (int i = 0; i < MANY * 2; i++)
        runs[i] = submit("flood", "alone", "ok");
    for (int i = 0; i < MANY * 2; i++)
        ends(submit("other", "", "ok"), VIV_OUTCOME_COMPLETED);
    for (int i = 0; i < MANY * 2; i++)
        assert_int_equal(runs[i]->finished + runs[i]->rejected, 0);
    open_gate();
    for (int i = 0; i < MANY * 2; i++)
        ends(runs[i], VIV_OUTCOME_COMPLETED);
    end_all();
}

/* A processor, so a start at a time. */
static void tenants_take_turns_at_starts(void **state)
{
    struct run *flood[MANY], *other;
    unsigned before = 0;
    cpu_set_t all, one;

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    for (int i = CPU_SETSIZE; i-- > 0;)
        if (CPU_ISSET(i, &all)) {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
        }
    sched_setaffinity(0, sizeof(one), &one);
    begin_with("gate", 2 * MANY, 0);
    sched_setaffinity(0, sizeof(all), &all);
    for (int i = 0; i < MANY; i++)
        flood[i] = submit("flood", "alone", FOR_EVER);
    other = submit("other", "alone", FOR_EVER);
    open_gate();
    harness_wait_started(other);
    for (int i = 0; i < MANY; i++)
        before += flood[i]->started;
    assert_true(before < MANY / 2);
    cancel(other, VIV_OUTCOME_CANCELLED);
    for (int i = 0; i < MANY; i++) {
        viv_cancel_ticket(sup, flood[i]->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
        harness_wait(flood[i]);
        harness_free(flood[i]);
    }
    end_all();
}

/* The profile's own came up, the others don't. */
static void what_does_not_start_any_more_is_told(void **state)
{
    struct run *r;
    bool works = false;

    begin_with("once", 4, 0);
    for (int i = 0; i < 3; i++) {
        r = submit(NULL, "alone", "ok");
        harness_wait(r);
        assert_int_equal(r->rejected, 1);
        assert_int_equal(r->error.status, VIV_UNAVAILABLE);
        assert_non_null(strstr(r->error.text, "profile alone can't make workers at present"));
        harness_free(r);
        ends(submit(NULL, "", "ok"), VIV_OUTCOME_COMPLETED);
    }
    while (!works) { /* each start needs the file to be away */
        unlink(file);
        r = submit(NULL, "alone", "ok");
        harness_wait(r);
        works = r->finished;
        harness_free(r);
        nap();
    }
    end_all();
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_worker_has_a_zygote_of_its_own),
        cmocka_unit_test(the_reserve_has_its_zygotes),
        cmocka_unit_test(its_zygote_s_death_is_its_own_alone),
        cmocka_unit_test(the_profile_s_zygote_may_die_without_them),
        cmocka_unit_test(no_process_and_no_descriptor_is_left),
        cmocka_unit_test(an_end_while_they_start_leaves_nothing),
        cmocka_unit_test(a_session_keeps_its_worker_and_its_zygote),
        cmocka_unit_test(a_tenant_may_ask_for_it_in_every_profile),
        cmocka_unit_test(describe_says_it),
        cmocka_unit_test(there_is_no_third_isolation),
        cmocka_unit_test(who_waits_for_a_zygote_is_in_nobody_s_way),
        cmocka_unit_test(tenants_take_turns_at_starts),
        cmocka_unit_test(what_does_not_start_any_more_is_told),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
