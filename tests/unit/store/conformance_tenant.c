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
    must_list(f->store, "odd", see, &seen);
    assert_int_equal(seen.count, 10);
    assert_int_equal(seen.damaged, 0);
    assert_int_equal(seen.generations, 10);
    must_list(f->store, "none", see, &seen);
    assert_int_equal(seen.count, 10);
}

#define MANY 600

static void see_number(void *arg, const char *session, const struct store_meta *meta,
                       const struct viv_error *damage)
{
    unsigned *seen = arg;

    assert_non_null(meta);
    assert_in_range(atoi(session), 0, MANY);
    seen[atoi(session)]++;
}

/* Also where sessions come and go between them. */
void a_long_list_comes_in_parts(void **state)
{
    struct fixture *f = *state;
    unsigned seen[MANY + 1] = {0}, parts = 0;
    struct store_cursor cursor = {.over = false};
    uint64_t tokens[MANY + 1];
    char name[16];
    const struct store_key one = {"tenant", name};

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%u", i);
        tokens[i] = must_acquire(f->store, &one);
        must_put(f->store, &one, tokens[i], 0, NULL, 0, NULL);
    }
    for (; !cursor.over; parts++) {
        assert_int_equal(store_list(f->store, "tenant", &cursor, see_number, seen, NULL), 0);
        snprintf(name, sizeof(name), "%u", 2 * parts);
        assert_int_equal(store_delete(f->store, &one, tokens[2 * parts], NULL), 0);
        snprintf(name, sizeof(name), "%u", MANY);
        tokens[MANY] = must_acquire(f->store, &one);
        must_put(f->store, &one, tokens[MANY], parts, NULL, 0, NULL);
    }
    if (strcmp(f->url, "memory:") != 0)
        assert_in_range(parts, 2, 10);
    for (unsigned i = 0; i < MANY; i++)
        if (i >= 2 * parts || i % 2)
            assert_in_range(seen[i], 1, 2);
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

/* What a session with a small snapshot counts. */
#define COUNTED(len) (STORE_SESSION_BYTES + (len) + INDEX_OF_ONE)

static enum viv_status put_within(struct store *store, const struct store_key *of, uint64_t token,
                                  uint64_t generation, size_t len, uint64_t quota)
{
    struct store_meta meta = some_meta(generation);
    struct viv_error err = {0};
    uint8_t *bytes = noise(len, 7);

    meta.quota_bytes = quota;
    store_put(store, of, token, &meta, bytes, len, NULL, &err);
    free(bytes);
    return err.status;
}

/* To the byte, over all that changes it, by two supervisors. */
void what_a_tenant_stores_is_counted_exactly(void **state)
{
    struct fixture *f = *state;
    const struct store_key second = {"tenant", "second"}, other = {"other", "session"};
    /* memory: is another store each time */
    struct store *a = f->store, *b = strcmp(f->url, "memory:") == 0 ? NULL : fixture_open(f, 0),
                 *two = b ? b : a;
    uint64_t token = must_acquire(a, &key), second_token = must_acquire(two, &second);
    struct store_meta meta = some_meta(1);
    unsigned count;

    must_put(a, &other, must_acquire(a, &other), 0, "x", 1, NULL);
    assert_int_equal(usage(a, "tenant"), 0);
    assert_int_equal(put_within(a, &key, token, 0, 100, COUNTED(100) - 1), VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(usage(a, "tenant"), 0);
    assert_int_equal(put_within(a, &key, token, 0, 100, COUNTED(100)), VIV_OK);
    assert_int_equal(put_within(two, &second, second_token, 0, 50, COUNTED(100) + COUNTED(50)),
                     VIV_OK);
    assert_int_equal(usage(a, "tenant"), COUNTED(100) + COUNTED(50));
    assert_int_equal(put_within(a, &key, token, 1, 101, COUNTED(100) + COUNTED(50)),
                     VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(store_touch(a, &key, token, &meta, NULL, NULL), 0);
    assert_int_equal(usage(two, "tenant"), COUNTED(100) + COUNTED(50));
    assert_int_equal(put_within(a, &key, token, 2, 20, 0), VIV_OK);
    assert_int_equal(put_within(two, &second, second_token, 1, 130, COUNTED(20) + COUNTED(130)),
                     VIV_OK);
    assert_int_equal(usage(a, "tenant"), COUNTED(20) + COUNTED(130));
    assert_int_equal(store_delete(a, &key, token, NULL), 0);
    assert_int_equal(store_delete(a, &key, token, NULL), 0);
    assert_int_equal(usage(two, "tenant"), COUNTED(130));
    assert_int_equal(put_within(a, &key, token, 0, 10, COUNTED(130) + COUNTED(10)), VIV_OK);
    assert_int_equal(store_release(two, &second, second_token, NULL), 0);
    assert_int_equal(store_expire(a, INT64_MAX, 9, NULL, NULL, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(usage(a, "tenant"), COUNTED(10));
    assert_int_equal(store_delete(a, &key, token, NULL), 0);
    assert_int_equal(usage(a, "tenant"), 0);
    assert_int_equal(usage(two, "other"), COUNTED(1));
    store_close(b);
}

/* Though they hold nothing. */
void a_quota_bounds_the_number_of_sessions(void **state)
{
    struct fixture *f = *state;
    char name[16];

    for (unsigned i = 0; i <= 10; i++) {
        struct store_key one = {"tenant", name};

        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(put_within(f->store, &one, must_acquire(f->store, &one), 0, 0,
                                    UINT64_C(10) * STORE_SESSION_BYTES),
                         i < 10 ? VIV_OK : VIV_RESOURCE_EXHAUSTED);
    }
    assert_int_equal(usage(f->store, "tenant"), 10 * STORE_SESSION_BYTES);
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
    assert_int_equal(usage(f->store, "t"), STORE_SESSION_BYTES + 1 + INDEX_OF_ONE);
}
