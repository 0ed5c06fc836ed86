#include "tests/unit/store/conformance.h"

#include <stdio.h>
#include <string.h>

static const struct store_key key = {"tenant", "session"};

struct store_meta some_meta(uint64_t generation)
{
    return (struct store_meta){
        .generation = generation,
        .opened_ns = 1,
        .last_used_ns = 2,
        .idle_timeout_ns = 3,
        .snapshot_ns = 4,
        .durability = STORE_EVERY_EXECUTION,
        .python = "3.11",
    };
}

uint64_t must_acquire(struct store *store, const struct store_key *of)
{
    struct store_lease lease;
    struct viv_error err = {0};

    if (store_acquire(store, of, "me", LONG_NS, &lease, &err))
        fail_msg("%s", err.text);
    return lease.token;
}

void must_put(struct store *store, const struct store_key *of, uint64_t token, uint64_t generation,
              const void *bytes, size_t len, struct store_written *ret_written)
{
    struct store_meta meta = some_meta(generation);
    struct viv_error err = {0};

    if (store_put(store, of, token, &meta, bytes, len, ret_written, &err))
        fail_msg("%s", err.text);
}

void must_hold(struct store *store, const struct store_key *of, const void *bytes, size_t len)
{
    struct store_meta meta;
    struct viv_error err = {0};
    void *got;
    size_t got_len;

    if (store_get(store, of, 0, &meta, &got, &got_len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(got_len, len);
    if (len)
        assert_memory_equal(got, bytes, len);
    free(got);
}

uint8_t *noise(size_t len, uint64_t seed)
{
    uint8_t *bytes = malloc(len + 8);

    for (size_t at = 0; at < len; at += 8) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(bytes + at, &(uint64_t){seed ^ (seed >> 29)}, 8);
    }
    return bytes;
}

void must_list(struct store *store, const char *tenant, store_list_each *each, void *arg)
{
    struct store_cursor cursor = {.over = false};
    struct viv_error err = {0};

    while (!cursor.over)
        if (store_list(store, tenant, &cursor, each, arg, &err))
            fail_msg("%s", err.text);
}

uint64_t usage(struct store *store, const char *tenant)
{
    uint64_t bytes = 0;

    assert_int_equal(store_usage(store, tenant, &bytes, NULL), 0);
    return bytes;
}

enum viv_status put_status(struct store *store, const struct store_key *of, uint64_t token,
                           uint64_t generation, size_t len)
{
    struct store_meta meta = some_meta(generation);
    struct viv_error err = {0};
    uint8_t *bytes = noise(len, 99);
    int result = store_put(store, of, token, &meta, bytes, len, NULL, &err);

    free(bytes);
    assert_int_equal(result, err.status == VIV_OK ? 0 : -1);
    return err.status;
}

void what_was_put_is_got(void **state)
{
    struct fixture *f = *state;
    static const size_t lens[] = {1, 100, 8 * 1024, 8 * 1024 + 1, 1000 * 1000, 5 * 1000 * 1000};
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta;

    for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint8_t *bytes = noise(lens[i], i);

        must_put(f->store, &key, token, i, bytes, lens[i], NULL);
        must_hold(f->store, &key, bytes, lens[i]);
        free(bytes);
        assert_int_equal(store_get(f->store, &key, i + 1, &meta, NULL, NULL, NULL), 0);
        assert_int_equal(meta.generation, i + 1);
        assert_int_equal(meta.opened_ns, 1);
        assert_int_equal(meta.last_used_ns, 2);
        assert_int_equal(meta.idle_timeout_ns, 3);
        assert_int_equal(meta.snapshot_ns, 4);
        assert_int_equal(meta.snapshot_bytes, lens[i]);
        assert_int_equal(meta.durability, STORE_EVERY_EXECUTION);
        assert_string_equal(meta.python, "3.11");
    }
}

void a_snapshot_may_be_empty(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta;
    struct viv_error err;
    uint8_t *bytes = noise(100 * 1000, 1);

    assert_int_equal(store_get(f->store, &key, 0, &meta, NULL, NULL, &err), -1);
    assert_int_equal(err.status, VIV_NOT_FOUND);
    must_put(f->store, &key, token, 0, NULL, 0, NULL);
    must_hold(f->store, &key, NULL, 0);
    must_put(f->store, &key, token, 1, bytes, 100 * 1000, NULL);
    must_put(f->store, &key, token, 2, NULL, 0, NULL);
    must_hold(f->store, &key, NULL, 0);
    free(bytes);
}

#define SCOPE (8 * 1024 * 1024)

/* Also where a name grew, and all behind it moved. */
void only_what_changed_is_written(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    uint8_t *bytes = noise(SCOPE + 100, 7);
    struct store_written first, same, changed, grown;

    must_put(f->store, &key, token, 0, bytes, SCOPE, &first);
    must_put(f->store, &key, token, 1, bytes, SCOPE, &same);
    bytes[SCOPE / 2] ^= 1;
    must_put(f->store, &key, token, 2, bytes, SCOPE, &changed);
    memmove(bytes + 1000 + 50, bytes + 1000, SCOPE - 1000);
    must_put(f->store, &key, token, 3, bytes, SCOPE + 50, &grown);
    must_hold(f->store, &key, bytes, SCOPE + 50);
    print_message("# 8 MiB: first %llu bytes in %u chunks, again %llu, one byte changed %llu, "
                  "50 bytes more near the front %llu\n",
                  (unsigned long long)first.bytes, first.chunks, (unsigned long long)same.bytes,
                  (unsigned long long)changed.bytes, (unsigned long long)grown.bytes);
    assert_int_equal(first.chunks, first.chunks_new);
    assert_true(first.bytes >= SCOPE);
    assert_int_equal(same.chunks_new, 0);
    assert_true(same.bytes < 1024);
    assert_in_range(changed.chunks_new, 1, 2);
    assert_in_range(grown.chunks_new, 1, 3);
    free(bytes);
}

void what_nobody_names_is_gone(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    struct store_written again;
    uint8_t *bytes = noise(1000 * 1000, 1), *other = noise(1000 * 1000, 1);

    must_put(f->store, &key, token, 0, bytes, 1000 * 1000, NULL);
    assert_true(usage(f->store, "tenant") > 1000 * 1000);
    must_put(f->store, &key, token, 1, bytes, 1000, NULL);
    assert_int_equal(usage(f->store, "tenant"), STORE_SESSION_BYTES + 1000 + INDEX_OF_ONE);
    /* a thousand times the same is kept once */
    memset(bytes, 0, 1000 * 1000);
    must_put(f->store, &key, token, 2, bytes, 1000 * 1000, NULL);
    assert_in_range(usage(f->store, "tenant"), 128 * 1024, 256 * 1024);
    must_hold(f->store, &key, bytes, 1000 * 1000);
    /* and what went is not there for the next one */
    must_put(f->store, &key, token, 3, other, 1000 * 1000, &again);
    assert_int_equal(again.chunks_new, again.chunks);
    free(other);
    free(bytes);
}

void a_put_needs_the_lease_and_the_generation(void **state)
{
    struct fixture *f = *state;
    uint64_t token;

    assert_int_equal(put_status(f->store, &key, 1, 0, 10), VIV_FAILED_PRECONDITION);
    assert_int_equal(put_status(f->store, &key, 0, 0, 10), VIV_FAILED_PRECONDITION);
    token = must_acquire(f->store, &key);
    assert_int_equal(put_status(f->store, &key, token + 1, 0, 10), VIV_FAILED_PRECONDITION);
    assert_int_equal(put_status(f->store, &key, token, 1, 10), VIV_FAILED_PRECONDITION);
    assert_int_equal(put_status(f->store, &key, token, 0, 10), VIV_OK);
    token = must_acquire(f->store, &key);
    assert_int_equal(put_status(f->store, &key, token, 0, 20), VIV_FAILED_PRECONDITION);
    assert_int_equal(put_status(f->store, &key, token, 1, 20), VIV_OK);
    /* its own, as if no answer had come */
    assert_int_equal(put_status(f->store, &key, token, 1, 30), VIV_OK);
    assert_int_equal(put_status(f->store, &key, token, 4, 30), VIV_FAILED_PRECONDITION);
    assert_int_equal(store_release(f->store, &key, token, NULL), 0);
    assert_int_equal(put_status(f->store, &key, token, 3, 30), VIV_FAILED_PRECONDITION);
    assert_int_equal(store_delete(f->store, &key, token, NULL), -1);
}

void a_touch_keeps_the_snapshot(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta = some_meta(1);
    struct store_written written;
    uint8_t *bytes = noise(1000 * 1000, 1);

    assert_int_equal(store_touch(f->store, &key, token, &meta, NULL, NULL), -1);
    must_put(f->store, &key, token, 0, bytes, 1000 * 1000, NULL);
    meta.last_used_ns = 77;
    meta.durability = STORE_ON_EVICTION;
    assert_int_equal(store_touch(f->store, &key, token, &meta, &written, NULL), 0);
    assert_int_equal(written.generation, 2);
    assert_true(written.bytes < 1024);
    must_hold(f->store, &key, bytes, 1000 * 1000);
    assert_int_equal(store_get(f->store, &key, 0, &meta, NULL, NULL, NULL), 0);
    assert_int_equal(meta.last_used_ns, 77);
    assert_int_equal(meta.snapshot_ns, 4);
    assert_int_equal(meta.durability, STORE_ON_EVICTION);
    free(bytes);
}

void names_are_not_run_together(void **state)
{
    struct fixture *f = *state;
    static const struct store_key keys[] = {
        {"a", "bc"}, {"ab", "c"}, {"a:b", "c"}, {"a", "b:c"}, {"1:a", "b"}, {"1", "a:b"},
    };

    for (unsigned i = 0; i < 6; i++)
        must_put(f->store, &keys[i], must_acquire(f->store, &keys[i]), 0, &i, sizeof(i), NULL);
    for (unsigned i = 0; i < 6; i++)
        must_hold(f->store, &keys[i], &i, sizeof(i));
}

void names_may_hold_any_bytes(void **state)
{
    struct fixture *f = *state;
    char longest[STORE_NAME_MAX + 1];
    struct store_key keys[] = {
        {"'; DROP TABLE session; --", "\" \\ \r\n*?[a]"}, {"\xff\xfe", "\x80"}, {longest, longest}};

    memset(longest, 'x', STORE_NAME_MAX);
    longest[STORE_NAME_MAX] = 0;
    for (unsigned i = 0; i < 3; i++)
        must_put(f->store, &keys[i], must_acquire(f->store, &keys[i]), 0, &i, sizeof(i), NULL);
    for (unsigned i = 0; i < 3; i++)
        must_hold(f->store, &keys[i], &i, sizeof(i));
}

void bad_names_and_values_are_refused(void **state)
{
    struct fixture *f = *state;
    char too_long[STORE_NAME_MAX + 2];
    const struct store_key keys[] = {{"", "a"}, {"a", ""}, {"a", too_long}, {too_long, "a"}};
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta = some_meta(0);
    struct store_lease lease;
    struct viv_error err;

    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = 0;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(put_status(f->store, &keys[i], token, 0, 1), VIV_INVALID_ARGUMENT);
        assert_int_equal(store_acquire(f->store, &keys[i], "o", 1, &lease, &err), -1);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    }
    assert_int_equal(store_acquire(f->store, &key, "", LONG_NS, &lease, NULL), -1);
    assert_int_equal(store_acquire(f->store, &key, "o", 0, &lease, NULL), -1);
    assert_int_equal(store_acquire(f->store, &key, "o", INT64_MAX, &lease, NULL), -1);
    meta.durability = 7;
    assert_int_equal(store_put(f->store, &key, token, &meta, "", 0, NULL, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
}

void a_delete_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta;
    struct viv_error err;

    assert_int_equal(store_delete(f->store, &key, token, NULL), 0);
    assert_int_equal(put_status(f->store, &key, token, 0, 100 * 1000), VIV_OK);
    assert_int_equal(store_delete(f->store, &key, token, NULL), 0);
    assert_int_equal(store_get(f->store, &key, 0, &meta, NULL, NULL, &err), -1);
    assert_int_equal(err.status, VIV_NOT_FOUND);
    assert_int_equal(usage(f->store, "tenant"), 0);
    assert_int_equal(put_status(f->store, &key, token, 0, 100), VIV_OK);
}

void a_rollback_is_seen(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    struct store_meta meta;
    struct viv_error err;

    must_put(f->store, &key, token, 0, "x", 1, NULL);
    assert_int_equal(store_get(f->store, &key, 1, &meta, NULL, NULL, NULL), 0);
    assert_int_equal(store_get(f->store, &key, 2, &meta, NULL, NULL, &err), -1);
    assert_int_equal(err.status, VIV_INTERNAL);
    assert_non_null(strstr(err.text, "rolled back"));
    assert_non_null(strstr(err.text, "tenant \"tenant\""));
}
