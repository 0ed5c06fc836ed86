/* The live names and the remembered ones. */
#include "supervisor/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/remembered.h"
#include "tests/unit/test.h"

#define COUNT 1000

static struct name *make(const char *tenant, const char *id)
{
    struct name *name = calloc(1, sizeof(*name));

    strcpy(name->tenant, tenant);
    strcpy(name->id, id);
    return name;
}

static void what_is_added_is_found_until_it_is_removed(void **state)
{
    static struct name names[COUNT];
    struct registry registry;
    char id[32];

    assert_int_equal(registry_init(&registry, 64, NULL), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(names[i].id, sizeof(names[i].id), "id-%u", i);
        strcpy(names[i].tenant, i % 2 ? "odd" : "even");
        registry_add(&registry, &names[i]);
    }
    for (unsigned i = 0; i < COUNT; i += 3)
        registry_remove(&registry, &names[i]);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "id-%u", i);
        assert_ptr_equal(registry_find(&registry, i % 2 ? "odd" : "even", id),
                         i % 3 ? &names[i] : NULL);
        assert_null(registry_find(&registry, i % 2 ? "even" : "odd", id));
    }
    registry_free(&registry);
}

static void tenant_and_id_are_not_run_together(void **state)
{
    struct registry registry;
    struct name *name = make("ab", "c");

    assert_int_equal(registry_init(&registry, 1, NULL), 0);
    registry_add(&registry, name);
    assert_null(registry_find(&registry, "a", "bc"));
    assert_true(registry_hash(&registry, "ab", "c") != registry_hash(&registry, "a", "bc"));
    registry_free(&registry);
    free(name);
}

static struct early_cancel early(const char *tenant, const char *id, int64_t at_ns)
{
    struct early_cancel c = {.at_ns = at_ns};

    strcpy(c.tenant, tenant);
    strcpy(c.id, id);
    return c;
}

static void a_cancel_is_remembered_once_and_for_ten_seconds(void **state)
{
    struct remembered *r = calloc(1, sizeof(*r));
    struct early_cancel c = early("t", "a", 100), got;

    remembered_cancel(r, &c);
    assert_false(remembered_take_cancel(r, "u", "a", 200, &got));
    assert_false(remembered_take_cancel(r, "t", "b", 200, &got));
    assert_true(remembered_take_cancel(r, "t", "a", 100 + REMEMBERED_NS, &got));
    assert_false(remembered_take_cancel(r, "t", "a", 200, &got));
    remembered_cancel(r, &c);
    assert_false(remembered_take_cancel(r, "t", "a", 101 + REMEMBERED_NS, &got));
    assert_int_equal(r->cancel_count, 0);
    free(r);
}

static void one_tenant_s_flood_leaves_another_s_cancel(void **state)
{
    struct remembered *r = calloc(1, sizeof(*r));
    struct early_cancel c = early("quiet", "mine", 1), got;
    char id[32];

    remembered_cancel(r, &c);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(id, sizeof(id), "%u", i);
        c = early("flood", id, 2 + i);
        remembered_cancel(r, &c);
    }
    assert_int_equal(r->cancel_count, 1 + REMEMBERED_CANCELS_OF_ONE);
    assert_true(remembered_take_cancel(r, "quiet", "mine", 10002, &got));
    assert_true(remembered_take_cancel(r, "flood", "9999", 10002, &got));
    assert_false(remembered_take_cancel(r, "flood", "0", 10002, &got));
    free(r);
}

static void ends_are_remembered_for_ten_seconds(void **state)
{
    struct remembered *r = calloc(1, sizeof(*r));

    remembered_end(r, 42, 100);
    assert_true(remembered_ended(r, 42, 100 + REMEMBERED_NS));
    assert_false(remembered_ended(r, 42, 101 + REMEMBERED_NS));
    assert_false(remembered_ended(r, 43, 100));
    for (unsigned i = 0; i < REMEMBERED_ENDS; i++)
        remembered_end(r, 1000 + i, 100);
    assert_false(remembered_ended(r, 42, 100));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_until_it_is_removed),
        cmocka_unit_test(tenant_and_id_are_not_run_together),
        cmocka_unit_test(a_cancel_is_remembered_once_and_for_ten_seconds),
        cmocka_unit_test(one_tenant_s_flood_leaves_another_s_cancel),
        cmocka_unit_test(ends_are_remembered_for_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
