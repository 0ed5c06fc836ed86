/* Profiles over the fake worker: a zygote for each, one ceiling, and who may use
 * which. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define HOUR INT64_C(3600000000000)
#define FOR_EVER "run 1000000000"

static struct viv_supervisor *sup;
static struct viv_config config;
static struct viv_profile other;

/* By which its zygote is known: a word of its command line. */
static const char *const mark[] = {"/usr/share", NULL};
static const char *const both[] = {"default", "other", NULL};

static void allow(const char *const *profiles)
{
    struct viv_tenant_config t;
    struct viv_error err;

    viv_tenant_config_init(&t, &config);
    t.profiles = profiles;
    if (viv_supervisor_set_tenants(sup, &t, 1, &err) < 0)
        fail_msg("%s", err.text);
}

/* "default" and "other", of `max` workers. */
static void prepare(unsigned max, unsigned warm, unsigned other_warm)
{
    harness_config(&config, NULL);
    config.workers_max = max;
    config.workers_warm = warm;
    config.defaults.wall_time_ns = HOUR;
    other =
        (struct viv_profile){.name = "other", .read_only_paths = mark, .workers_warm = other_warm};
    config.profiles = &other;
    config.profile_count = 1;
}

static void start(void)
{
    sup = harness_start(&config);
    allow(both);
}

static int begin(void **state)
{
    prepare(4, 1, 1);
    start();
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static struct run *submit(const char *profile, const char *code)
{
    const struct viv_request request = {
        .worker_profile = profile, .code = code, .code_len = strlen(code)};

    return harness_request(sup, &request);
}

static void expect(const char *profile, const char *code, enum viv_outcome outcome)
{
    struct run *r = submit(profile, code);

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s: %s", profile, r->error.text);
    assert_int_equal(r->outcome, outcome);
    harness_free(r);
}

static void expect_refused(struct run *r, enum viv_status status, const char *text)
{
    harness_wait(r);
    assert_int_equal(r->rejected, 1);
    assert_int_equal(r->error.status, status);
    if (!strstr(r->error.text, text))
        fail_msg("not \"%s\" in: %s", text, r->error.text);
    harness_free(r);
}

static void cancel(struct run *r)
{
    viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    harness_wait(r);
    harness_free(r);
}

/* Whether a process's command line has that word. */
static bool has_word(int pid, const char *word)
{
    char path[64], line[8192];
    bool found = false;
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    f = fopen(path, "re");
    len = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
    line[len] = '\0';
    for (const char *at = line; at < line + len; at += strlen(at) + 1)
        found |= strcmp(at, word) == 0;
    if (f)
        fclose(f);
    return found;
}

/* Of our zygotes, the one that has the word, or, not `with`, that has it not. */
static pid_t zygote(const char *word, bool with, unsigned *ret_count)
{
    pid_t pids[16], found = 0;

    *ret_count = (unsigned)harness_children(pids, 16);
    for (unsigned i = 0; i < *ret_count; i++)
        if (has_word(pids[i], word) == with)
            found = pids[i];
    return found;
}

static void kill_zygote(bool of_other)
{
    unsigned count;
    pid_t pid = zygote(mark[0], of_other, &count);

    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

/* --- zygotes ---------------------------------------------------------------------- */

static void each_has_a_zygote(void **state)
{
    struct viv_stats stats;
    unsigned count;

    expect("", "ok", VIV_OUTCOME_COMPLETED);
    expect("default", "ok", VIV_OUTCOME_COMPLETED);
    expect("other", "ok", VIV_OUTCOME_COMPLETED);
    assert_true(zygote(mark[0], true, &count) > 0);
    assert_int_equal(count, 2);
    viv_stats(sup, &stats);
    assert_int_equal(stats.zygote_starts, 2);
}

static void the_death_of_one_is_nothing_to_the_other(void **state)
{
    for (int i = 0; i < 6; i++) {
        bool of_other = i % 2;
        struct run *lost = submit(of_other ? "other" : "", FOR_EVER);
        struct run *kept = submit(of_other ? "" : "other", FOR_EVER);

        harness_wait_started(lost);
        harness_wait_started(kept);
        kill_zygote(of_other);
        harness_wait(lost);
        assert_int_equal(lost->outcome, VIV_OUTCOME_WORKER_DIED);
        harness_free(lost);
        expect(of_other ? "" : "other", "ok", VIV_OUTCOME_COMPLETED);
        assert_int_equal(kept->finished, 0);
        cancel(kept);
        expect(of_other ? "other" : "", "ok", VIV_OUTCOME_COMPLETED);
    }
}

static void one_that_can_t_start_fails_the_start_by_name(void **state)
{
    static const char *const refuse[] = {"no-start", NULL};
    struct viv_supervisor *none = NULL;
    struct viv_error err;

    prepare(4, 1, 1);
    other.preload = refuse;
    assert_int_equal(viv_supervisor_create(&config, &none, &err), -1);
    assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    assert_string_equal(err.text, "profile other: the fake refuses to start: ask it nicely");
    assert_null(none);
}

/* It is down for good: who wants it does not wait, so that all others, of the same
 * tenant too, get past. */
static void one_that_stays_down_holds_up_nobody_else(void **state)
{
    char path[] = "/tmp/viv-once-XXXXXX", word[64];
    const char *const once[] = {word, NULL};
    struct run *waiting[12];
    unsigned refused = 0;

    close(mkstemp(path));
    unlink(path);
    snprintf(word, sizeof(word), "once:%s", path);
    prepare(4, 1, 1);
    other.preload = once;
    start();
    expect("other", "ok", VIV_OUTCOME_COMPLETED);
    kill_zygote(true);
    do { /* until it is known to be down for good */
        for (int i = 0; i < 12; i++)
            waiting[i] = submit("other", "ok");
        for (int i = 0; i < 40; i++)
            expect("", "ok", VIV_OUTCOME_COMPLETED);
        for (int i = 0; i < 12; i++) {
            refused += waiting[i]->rejected && waiting[i]->error.status == VIV_UNAVAILABLE;
            cancel(waiting[i]);
        }
    } while (refused == 0);
    expect("", "ok", VIV_OUTCOME_COMPLETED);
    harness_stop(sup);
    unlink(path);
}

/* --- how many ----------------------------------------------------------------------- */

static void one_ceiling_is_over_all(void **state)
{
    struct run *runs[16];

    for (int i = 0; i < 16; i++)
        runs[i] = submit(i % 2 ? "other" : "", "run 2000");
    for (int i = 0; i < 16; i++) {
        struct viv_stats stats;

        harness_wait(runs[i]);
        assert_int_equal(runs[i]->outcome, VIV_OUTCOME_COMPLETED);
        harness_free(runs[i]);
        viv_stats(sup, &stats);
        assert_true(stats.workers[VIV_STATS_BUSY] <= 4);
    }
}

/* All that there may be wait for others. */
static void an_idle_one_gives_way_to_another_profile(void **state)
{
    prepare(2, 2, 0);
    start();
    for (int i = 0; i < 10; i++) {
        struct run *a = submit("other", FOR_EVER), *b = submit("other", FOR_EVER);

        harness_wait_started(a);
        harness_wait_started(b);
        cancel(a);
        cancel(b);
        expect("", "ok", VIV_OUTCOME_COMPLETED);
    }
    harness_stop(sup);
}

/* --- who may ------------------------------------------------------------------------ */

static void a_tenant_uses_what_it_may(void **state)
{
    static const char *const only_other[] = {"other", NULL};

    allow(NULL);
    expect_refused(submit("other", "ok"), VIV_PERMISSION_DENIED, "it may use: default");
    expect_refused(submit("none", "ok"), VIV_PERMISSION_DENIED, "it may use: default");
    expect("default", "ok", VIV_OUTCOME_COMPLETED);
    allow(only_other);
    expect_refused(submit("", "ok"), VIV_PERMISSION_DENIED, "it may use: other");
    expect("other", "ok", VIV_OUTCOME_COMPLETED);
    allow(both);
    expect_refused(submit("none", "ok"), VIV_PERMISSION_DENIED, "it may use: default, other");
}

static void what_a_tenant_may_use_must_be_there(void **state)
{
    static const char *const unknown[] = {"other", "nowhere", NULL};
    struct viv_tenant_config t;
    struct viv_error err;

    viv_tenant_config_init(&t, &config);
    t.profiles = unknown;
    assert_int_equal(viv_supervisor_set_tenants(sup, &t, 1, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "there is no profile nowhere"));
    expect("other", "ok", VIV_OUTCOME_COMPLETED); /* the old table stands */
}

/* --- sessions ------------------------------------------------------------------------- */

static void open_in(const char *profile, const char *session)
{
    const struct viv_request request = {.kind = VIV_REQUEST_OPEN_SESSION,
                                        .code = "",
                                        .session_id = session,
                                        .worker_profile = profile};
    struct run *r = harness_request(sup, &request);

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s: %s", profile, r->error.text);
    harness_free(r);
}

static void expect_in(const char *session, const char *code, const char *repr,
                      enum viv_restored_from from)
{
    struct run *r = harness_in(sup, session, code);

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s: %s", session, r->error.text);
    assert_string_equal(r->repr, repr);
    assert_int_equal(r->restored_from, from);
    harness_free(r);
}

/* The news of a zygote's death reaches each of its workers at once. */
static void lose_zygote(bool of_other)
{
    struct run *witness = submit(of_other ? "other" : "", FOR_EVER);

    harness_wait_started(witness);
    kill_zygote(of_other);
    harness_wait(witness);
    assert_int_equal(witness->outcome, VIV_OUTCOME_WORKER_DIED);
    harness_free(witness);
}

/* Whose zygote's death takes the scope tells whose worker has it. */
static void a_session_stays_in_its_profile(void **state)
{
    open_in("", "plain");
    open_in("other", "mine");
    expect_in("plain", "add 1", "1", VIV_RESTORED_FROM_NONE);
    expect_in("mine", "add 2", "2", VIV_RESTORED_FROM_NONE);
    lose_zygote(true);
    expect_in("plain", "add 1", "2", VIV_RESTORED_FROM_NONE);
    expect_in("mine", "add 2", "2", VIV_RESTORED_FROM_CRASH);
    lose_zygote(false);
    expect_in("mine", "add 2", "4", VIV_RESTORED_FROM_NONE);
    expect_in("plain", "add 1", "1", VIV_RESTORED_FROM_CRASH);
}

static void a_session_and_a_profile_are_not_named_together(void **state)
{
    const struct viv_request request = {
        .session_id = "mine", .worker_profile = "other", .code = "ok", .code_len = 2};

    open_in("other", "mine");
    expect_refused(harness_request(sup, &request), VIV_INVALID_ARGUMENT,
                   "session_id and worker_profile are both set");
}

static void a_session_ends_with_the_right_to_its_profile(void **state)
{
    open_in("other", "mine");
    expect_in("mine", "add 1", "1", VIV_RESTORED_FROM_NONE);
    allow(NULL);
    expect_refused(harness_in(sup, "mine", "add 1"), VIV_PERMISSION_DENIED,
                   "session mine can't go on: worker_profile");
    allow(both);
    expect_in("mine", "add 1", "2", VIV_RESTORED_FROM_NONE);
    allow(NULL);
    assert_int_equal(harness_close(sup, "mine"), VIV_OK);
}

static void prepare_store(const char *folder, char url[64], char key[64])
{
    snprintf(url, 64, "sqlite:%s/s.db", folder);
    snprintf(key, 64, "%s/key", folder);
    prepare(4, 1, 1);
    config.sessions.store_url = url;
    config.sessions.store_key_path = key;
    config.sessions.node = "me";
}

static void leave(void)
{
    harness_drain(sup);
    harness_stop(sup);
}

/* The profile is in the store. */
static void another_life_restores_it_in_its_profile(void **state)
{
    char folder[] = "/tmp/viv-profiles-XXXXXX", url[64], key[64], command[64];

    assert_non_null(mkdtemp(folder));
    prepare_store(folder, url, key);
    start();
    open_in("other", "mine");
    expect_in("mine", "add 5", "5", VIV_RESTORED_FROM_NONE);
    leave();

    config.profile_count = 0;
    sup = harness_start(&config);
    expect_refused(harness_in(sup, "mine", "add 1"), VIV_PERMISSION_DENIED,
                   "there is none named 'other'");
    leave();

    config.profile_count = 1;
    start();
    expect_in("mine", "add 1", "6", VIV_RESTORED_FROM_RESTART);
    lose_zygote(false);
    expect_in("mine", "add 1", "7", VIV_RESTORED_FROM_NONE);
    leave();
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH(each_has_a_zygote),
        WITH(the_death_of_one_is_nothing_to_the_other),
        cmocka_unit_test(one_that_can_t_start_fails_the_start_by_name),
        cmocka_unit_test(one_that_stays_down_holds_up_nobody_else),
        WITH(one_ceiling_is_over_all),
        cmocka_unit_test(an_idle_one_gives_way_to_another_profile),
        WITH(a_tenant_uses_what_it_may),
        WITH(what_a_tenant_may_use_must_be_there),
        WITH(a_session_stays_in_its_profile),
        WITH(a_session_and_a_profile_are_not_named_together),
        WITH(a_session_ends_with_the_right_to_its_profile),
        cmocka_unit_test(another_life_restores_it_in_its_profile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
