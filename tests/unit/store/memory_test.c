/* The conformance suite over memory:. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/store/fixture.h"

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture_folder(fixture);
    snprintf(fixture->url, sizeof(fixture->url), "memory:");
    fixture->store = fixture_open(fixture, 0);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    fixture_remove_folder(fixture);
    free(fixture);
    return 0;
}

static void memory_needs_no_key_file(void **state)
{
    struct store *store;
    const struct store_config config = {.url = NULL};

    assert_int_equal(store_open(&config, &store, NULL), 0);
    store_close(store);
}

/* Of all tenants together; what is deleted makes room. */
static void memory_has_a_bound(void **state)
{
    const struct store_config config = {.memory_bytes_max = 100000};
    const struct store_key keys[] = {{"a", "s"}, {"b", "s"}};
    struct store_meta meta = {.idle_timeout_ns = 1, .durability = STORE_ON_EVICTION};
    char *bytes = calloc(1, 60000);
    struct store_written written;
    struct store_lease leases[2];
    struct store *store;
    struct viv_error err;

    assert_int_equal(store_open(&config, &store, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            store_acquire(store, &keys[i], "me", INT64_C(60000000000), &leases[i], NULL), 0);
    for (int i = 0; i < 60000; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    assert_int_equal(
        store_put(store, &keys[0], leases[0].token, &meta, bytes, 60000, &written, NULL), 0);
    assert_int_equal(
        store_put(store, &keys[1], leases[1].token, &meta, bytes, 60000, &written, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(store_delete(store, &keys[0], leases[0].token, NULL), 0);
    assert_int_equal(
        store_put(store, &keys[1], leases[1].token, &meta, bytes, 60000, &written, &err), 0);
    store_close(store);
    free(bytes);
}

/* What counts is more than what malloc has given, however small the sessions. */
static void what_memory_takes_is_counted(void **state)
{
    static const size_t lens[] = {0, 1, 3000, 10000};
    struct fixture *f = *state;

    for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t before = mallinfo2().uordblks;
        uint8_t *bytes = noise(lens[i], i);
        char tenant[16], name[16];
        const struct store_key one = {tenant, name};

        snprintf(tenant, sizeof(tenant), "t%u", i);
        for (unsigned j = 0; j < 1000; j++) {
            snprintf(name, sizeof(name), "%u", j);
            must_put(f->store, &one, must_acquire(f->store, &one), 0, bytes, lens[i], NULL);
        }
        free(bytes);
        assert_true(mallinfo2().uordblks - before <= usage(f->store, tenant));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL_CONFORMANCE,
        cmocka_unit_test(memory_needs_no_key_file),
        cmocka_unit_test(memory_has_a_bound),
        CONFORMANCE(what_memory_takes_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
