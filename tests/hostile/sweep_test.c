/* Sessions that have been idle for too long, many at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "supervisor/store/store.h"
#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define SESSIONS 250
/* A supervisor looks for them every 30 s. */
#define SOON_S 45

static char url[256], key_path[256];

static void leave_one(struct store *store, unsigned number)
{
    const struct store_meta meta = {
        .opened_ns = 1, .last_used_ns = 1, .idle_timeout_ns = 1, .durability = STORE_ON_EVICTION};
    struct store_lease lease;
    struct viv_error err;
    char session[16];
    const struct store_key key = {"default", session};

    snprintf(session, sizeof(session), "s%u", number);
    assert_int_equal(store_acquire(store, &key, "before", 1000000000, &lease, &err), 0);
    assert_int_equal(store_put(store, &key, lease.token, &meta, NULL, 0, NULL, &err), 0);
    assert_int_equal(store_release(store, &key, lease.token, &err), 0);
}

static void leave_sessions(void)
{
    const struct store_config config = {.url = url, .key_path = key_path};
    struct store *store;
    struct viv_error err;

    if (store_open(&config, &store, &err) < 0)
        fail_msg("%s", err.text);
    for (unsigned i = 0; i < SESSIONS; i++)
        leave_one(store, i);
    store_close(store);
}

static void all_that_are_due_go(void **state)
{
    struct viv_config config;
    struct viv_supervisor *s;

    snprintf(url, sizeof(url), "sqlite:%s/sweep.db", getenv("TEST_TMPDIR"));
    snprintf(key_path, sizeof(key_path), "%s/sweep.key", getenv("TEST_TMPDIR"));
    leave_sessions();
    harness_config(&config, NULL);
    config.sessions.store_url = url;
    config.sessions.store_key_path = key_path;
    s = harness_start(&config);
    assert_int_equal(harness_sessions(s, NULL), SESSIONS);
    for (int i = 0; i < SOON_S && harness_sessions(s, NULL) > 0; i++)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    assert_int_equal(harness_sessions(s, NULL), 0);
    harness_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_are_due_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
