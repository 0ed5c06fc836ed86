/* Sessions over a Redis. Where it carries out what it does not answer, the session
 * stays ours, and its worker keeps its scope. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile/harness.h"
#include "tests/store/redis_proxy.h"
#include "tests/unit/test.h"

static struct redis_server server;
static struct redis_proxy proxy;
static struct viv_supervisor *sup;

static int begin(void **state)
{
    struct viv_config config;
    static char url[96], key[64];

    redis_server_start(&server, NULL);
    redis_proxy_start(&proxy, &server);
    harness_config(&config, NULL);
    config.workers_warm = 1;
    config.workers_max = 4;
    config.sessions.max = 700;
    snprintf(url, sizeof(url), "redis+unix://%s", proxy.socket);
    snprintf(key, sizeof(key), "%s/key", server.folder);
    config.sessions.store_url = url;
    config.sessions.store_key_path = key;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    char key[64];

    harness_stop(sup);
    redis_proxy_stop(&proxy);
    snprintf(key, sizeof(key), "%s/key", server.folder);
    unlink(key);
    redis_server_stop(&server);
    return 0;
}

static enum viv_status open_status(const char *id)
{
    struct run *r = harness_open(sup, id, VIV_DURABILITY_EVERY_EXECUTION);
    enum viv_status status;

    harness_wait(r);
    status = r->rejected ? r->error.status : VIV_OK;
    harness_free(r);
    return status;
}

static void expect(const char *id, const char *code, const char *repr, bool saved)
{
    struct run *r = harness_in(sup, id, code);

    harness_wait(r);
    if (r->rejected)
        fail_msg("%s in %s: %s", code, id, r->error.text);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    assert_string_equal(r->repr, repr);
    assert_int_equal(r->restored_from, VIV_RESTORED_FROM_NONE);
    if (r->saved != saved)
        fail_msg("%s in %s: %s", code, id, r->save_error);
    harness_free(r);
}

/* Its scope is new each time, so each save is two commits: one asks. */
static void a_save_without_an_answer_costs_no_scope(void **state)
{
    static const enum redis_proxy_loss how[] = {REDIS_PROXY_ANSWER, REDIS_PROXY_REQUEST};

    assert_int_equal(open_status("s"), VIV_OK);
    expect("s", "add 1", "1", true);
    for (unsigned i = 0; i < 2; i++) {
        redis_proxy_lose(&proxy, how[i], 2);
        expect("s", "add 1", i ? "5" : "2", false);
        assert_true(redis_proxy_is_away(&proxy));
        redis_proxy_back(&proxy);
        expect("s", "add 1", i ? "6" : "3", true);
        expect("s", "add 1", i ? "7" : "4", true);
    }
    assert_int_equal(harness_close(sup, "s"), VIV_OK);
}

static void opening_without_an_answer_can_be_repeated(void **state)
{
    redis_proxy_lose(&proxy, REDIS_PROXY_ANSWER, 1);
    assert_int_equal(open_status("o"), VIV_UNAVAILABLE);
    assert_true(redis_proxy_is_away(&proxy));
    assert_int_equal(open_status("o"), VIV_UNAVAILABLE);
    redis_proxy_back(&proxy);
    assert_int_equal(open_status("o"), VIV_OK);
    expect("o", "add 1", "1", true);
    assert_int_equal(open_status("o"), VIV_ALREADY_EXISTS);
    assert_int_equal(harness_close(sup, "o"), VIV_OK);
}

/* It comes from the store in parts: Redis cuts no hash that has 512 or fewer. */
static void a_long_list_is_whole(void **state)
{
    char id[16];

    for (unsigned i = 0; i < 600; i++) {
        snprintf(id, sizeof(id), "l%u", i);
        assert_int_equal(open_status(id), VIV_OK);
    }
    assert_int_equal(harness_sessions(sup, NULL), 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_save_without_an_answer_costs_no_scope),
        cmocka_unit_test(opening_without_an_answer_can_be_repeated),
        cmocka_unit_test(a_long_list_is_whole),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
