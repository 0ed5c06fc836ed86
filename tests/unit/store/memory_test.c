/* The conformance suite over memory:. */
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL_CONFORMANCE,
        cmocka_unit_test(memory_needs_no_key_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
