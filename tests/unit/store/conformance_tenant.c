/* What is asked by tenant: lists, quotas; and what expires. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/store/conformance.h"

static const struct store_key key = {"tenant", "session"};

struct seen {
    unsigned count;
    unsigned damaged;
    uint64_t generations;
};

static void see(void *arg, const char *session, const struct store_meta *meta,
                const struct viv_error *damage)
{
    struct seen *seen = arg;

    seen->count++;
    seen->damaged += !meta;
    seen->generations += meta ? meta->generation : 0;
}

void sessions_are_listed_by_tenant(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    char name[16];

    for (unsigned i = 0; i < 20; i++) {
        struct store_key one = {i % 2 ? "odd" : "even", name};

        snprintf(name, sizeof(name), "s%u", i);
        must_put(f->store, &one, must_acquire(f->store, &one), 0, name, sizeof(name), NULL);
    }
    /* a lease alone is no session */
    must_acquire(f->store, &(struct store_key){"odd", "leased"});
    assert_int_equal(store_list(f->store, "odd", see, &seen, NULL), 0);
    assert_int_equal(seen.count, 10);
    assert_int_equal(seen.damaged, 0);
    assert_int_equal(seen.generations, 10);
    assert_int_equal(store_list(f->store, "none", see, &seen, NULL), 0);
    assert_int_equal(seen.count, 10);
}

void a_quota_holds(void **state)
{
    struct fixture *f = *state;
    const struct store_key second = {"tenant", "second"}, other = {"other", "session"};
    struct store *store = f->store;
    struct store *capped = fixture_open(f, 1000 * 1000);
    uint64_t token;

    /* memory: is another store each time */
    if (strcmp(f->url, "memory:") == 0)
        store = capped;
    token = must_acquire(store, &key);
    assert_int_equal(put_status(capped, &key, token, 0, 600 * 1000), VIV_OK);
    assert_int_equal(put_status(capped, &key, token, 1, 1001 * 1000), VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(put_status(capped, &key, token, 1, 900 * 1000), VIV_OK);
    token = must_acquire(store, &second);
    assert_int_equal(put_status(capped, &second, token, 0, 200 * 1000), VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(put_status(capped, &second, token, 0, 50 * 1000), VIV_OK);
    token = must_acquire(store, &other);
    assert_int_equal(put_status(capped, &other, token, 0, 900 * 1000), VIV_OK);
    store_close(capped);
}

#define SECOND INT64_C(1000000000)

static void put_idle(struct store *store, const struct store_key *of, int64_t used_s,
                     int64_t idle_s)
{
    struct store_meta meta = some_meta(0);
    uint64_t token = must_acquire(store, of);

    meta.last_used_ns = used_s * SECOND;
    meta.idle_timeout_ns = idle_s * SECOND;
    assert_int_equal(store_put(store, of, token, &meta, "x", 1, NULL, NULL), 0);
    assert_int_equal(store_release(store, of, token, NULL), 0);
}

static void concat(void *arg, const struct store_key *of)
{
    strcat(arg, of->session);
}

void idle_sessions_expire_unless_held(void **state)
{
    struct fixture *f = *state;
    const struct store_key old = {"t", "old"}, held = {"t", "held"}, young = {"t", "young"},
                           ever = {"t", "ever"};
    struct store_meta meta;
    char names[64] = "";
    unsigned count;
    uint64_t token;

    put_idle(f->store, &old, 1000, 10);
    put_idle(f->store, &held, 900, 10);
    put_idle(f->store, &young, 1000, 50);
    put_idle(f->store, &ever, 1, 0);
    token = must_acquire(f->store, &held);
    assert_int_equal(store_expire(f->store, 1009 * SECOND, 9, concat, names, &count, NULL), 0);
    assert_int_equal(count, 0);
    assert_int_equal(store_expire(f->store, 1010 * SECOND, 9, concat, names, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(names, "old");
    assert_int_equal(store_get(f->store, &old, 0, &meta, NULL, NULL, NULL), -1);
    must_hold(f->store, &held, "x", 1);
    assert_int_equal(store_release(f->store, &held, token, NULL), 0);
    assert_int_equal(store_expire(f->store, 2000 * SECOND, 1, NULL, NULL, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(store_expire(f->store, 2000 * SECOND, 9, NULL, NULL, &count, NULL), 0);
    assert_int_equal(count, 1);
    must_hold(f->store, &ever, "x", 1);
    assert_in_range(usage(f->store, "t"), 1, 1000);
}
