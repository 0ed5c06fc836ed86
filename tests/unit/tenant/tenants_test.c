#include "supervisor/tenant/tenants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define MAX 8
#define NOW INT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

static struct viv_config config;
static struct tenants tenants;

static int set_up(void **state)
{
    viv_config_init(&config);
    config.workers_max = 4;
    config.queue_max = 6;
    return tenants_init(&tenants, MAX, &config, NULL);
}

static int tear_down(void **state)
{
    tenants_free(&tenants);
    return 0;
}

static struct viv_tenant_config named(const char *name)
{
    struct viv_tenant_config t;

    viv_tenant_config_init(&t, &config);
    t.tenant = name;
    return t;
}

static int set(const struct viv_tenant_config *configs, size_t count, struct viv_error *err)
{
    struct viv_tenant_config *rules;

    if (tenants_rules_new(configs, count, &rules, err) < 0)
        return -1;
    tenants_replace(&tenants, rules, count);
    return 0;
}

/* As a submission does it; NULL: refused. */
static struct tenant *submit(const char *name, uint64_t bytes, int64_t now, struct viv_error *err)
{
    const struct viv_limits nothing = {0};
    struct viv_limits limits;
    struct tenant *t;

    if (tenants_check(&tenants, name, bytes, &nothing, now, &t, &limits, err) < 0 ||
        tenants_take(&tenants, t, bytes, now, err) < 0)
        return NULL;
    assert_string_equal(t->name.tenant, name);
    return t;
}

static void expect_refused(const char *name, uint64_t bytes, int64_t now, enum viv_status status,
                           const char *words)
{
    struct viv_error err = {0};

    assert_null(submit(name, bytes, now, &err));
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.text, words));
    assert_int_equal(err.retry_after_ns > 0, status == VIV_RESOURCE_EXHAUSTED);
}

static void an_unknown_tenant_is_as_the_default_says(void **state)
{
    struct viv_tenant_config two[] = {named("default"), named("a")};
    struct tenant *x, *y;

    two[0].running = 1, two[0].queued = 0;
    assert_int_equal(set(two, 2, NULL), 0);
    x = submit("x", 0, NOW, NULL);
    y = submit("y", 0, NOW, NULL);
    /* Each by itself. */
    assert_true(x && y && x != y);
    expect_refused("x", 0, NOW, VIV_RESOURCE_EXHAUSTED, "of 1 and 0");
    assert_ptr_equal(submit("a", 0, NOW, NULL)->rules->tenant,
                     tenants_rules_of(&tenants, "a")->tenant);
}

static void without_a_default_it_is_nobody(void **state)
{
    struct viv_tenant_config one = named("a");

    assert_int_equal(set(&one, 1, NULL), 0);
    expect_refused("x", 0, NOW, VIV_PERMISSION_DENIED, "tenant x may not");
    expect_refused("default", 0, NOW, VIV_PERMISSION_DENIED, "default");
    assert_non_null(submit("a", 0, NOW, NULL));
    assert_int_equal(set(NULL, 0, NULL), 0);
    expect_refused("a", 0, NOW, VIV_PERMISSION_DENIED, "tenant a may not");
}

static void places_are_those_of_both_quotas(void **state)
{
    struct tenant *t = NULL;

    for (int i = 0; i < 10; i++)
        t = submit("x", 0, NOW, NULL);
    assert_int_equal(t->places, 10);
    expect_refused("x", 0, NOW, VIV_RESOURCE_EXHAUSTED, "10 executions of the tenant");
    assert_non_null(submit("y", 0, NOW, NULL));
    tenants_drop(&tenants, t, 0, NOW);
    assert_non_null(submit("x", 0, NOW, NULL));
}

static void bytes_are_counted_together(void **state)
{
    struct viv_tenant_config one = named("a");
    struct tenant *t;

    one.request_bytes = 100;
    assert_int_equal(set(&one, 1, NULL), 0);
    expect_refused("a", 101, NOW, VIV_INVALID_ARGUMENT, "above the tenant's 100 bytes");
    t = submit("a", 60, NOW, NULL);
    assert_non_null(submit("a", 40, NOW, NULL));
    expect_refused("a", 1, NOW, VIV_RESOURCE_EXHAUSTED, "hold 100 bytes");
    assert_non_null(submit("a", 0, NOW, NULL));
    tenants_drop(&tenants, t, 60, NOW);
    assert_non_null(submit("a", 60, NOW, NULL));
    /* A quota that has shrunk below what is held. */
    one.request_bytes = 10;
    assert_int_equal(set(&one, 1, NULL), 0);
    expect_refused("a", 1, NOW, VIV_RESOURCE_EXHAUSTED, "of 10 there may be");
}

static void a_rate_says_when_to_come_again(void **state)
{
    struct viv_tenant_config one = named("a");
    struct viv_error err;
    struct tenant *t;

    one.rate = 4;
    one.burst = 2;
    assert_int_equal(set(&one, 1, NULL), 0);
    t = submit("a", 5, NOW, NULL);
    assert_non_null(submit("a", 5, NOW, NULL));
    assert_null(submit("a", 5, NOW, &err));
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(err.retry_after_ns, 250000000);
    /* What was refused is not counted. */
    assert_int_equal(t->places, 2);
    assert_int_equal(t->bytes, 10);
    assert_non_null(submit("a", 0, NOW + err.retry_after_ns, NULL));
}

static void limits_are_the_tenants(void **state)
{
    struct viv_tenant_config one = named("a");
    struct viv_limits asked = {0}, got;
    struct viv_error err;
    struct tenant *t;

    one.memory_bytes = 100 * MIB;
    one.defaults.wall_time_ns = 7;
    one.defaults.pids = one.ceilings.pids = 3;
    assert_int_equal(set(&one, 1, NULL), 0);
    assert_int_equal(tenants_check(&tenants, "a", 0, &asked, NOW, &t, &got, NULL), 0);
    assert_int_equal(got.wall_time_ns, 7);
    assert_int_equal(got.pids, 3);
    /* One execution may not have more than all of them together. */
    assert_int_equal(got.memory_bytes, 100 * MIB);
    asked.memory_bytes = 100 * MIB + 1;
    assert_int_equal(tenants_check(&tenants, "a", 0, &asked, NOW, &t, &got, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_int_equal(tenants_share(t).size_max, 100 * MIB);
}

static void the_one_that_is_idle_longest_makes_room(void **state)
{
    char name[16];
    struct tenant *first = NULL, *t;

    for (int i = 0; i < MAX; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        t = submit(name, 0, NOW, NULL);
        assert_non_null(t);
        if (i == 0)
            first = t;
    }
    expect_refused("one-more", 0, NOW, VIV_RESOURCE_EXHAUSTED, "8 tenants");
    tenants_drop(&tenants, t, 0, NOW);
    tenants_drop(&tenants, first, 0, NOW);
    assert_ptr_equal(submit("one-more", 0, NOW, NULL), t);
    assert_ptr_equal(submit("t0", 0, NOW, NULL), first);
    expect_refused("t7", 0, NOW, VIV_RESOURCE_EXHAUSTED, "8 tenants");
}

static void a_new_table_leaves_what_runs(void **state)
{
    struct viv_tenant_config a = named("a"), b = named("b");
    struct tenant *t;

    a.weight = 5;
    assert_int_equal(set(&a, 1, NULL), 0);
    t = submit("a", 3, NOW, NULL);
    assert_int_equal(tenants_share(t).weight, 5);
    assert_int_equal(set(&b, 1, NULL), 0);
    /* Gone from the table, but what it has still ends. */
    assert_null(t->rules);
    assert_int_equal(tenants_share(t).running_max, 1);
    expect_refused("a", 0, NOW, VIV_PERMISSION_DENIED, "a");
    a.weight = 6;
    assert_int_equal(set(&a, 1, NULL), 0);
    assert_int_equal(tenants_share(t).weight, 6);
    tenants_drop(&tenants, t, 3, NOW);
    assert_int_equal(t->places, 0);
    assert_int_equal(t->bytes, 0);
}

static void a_wrong_table_is_refused(void **state)
{
    static const char *const words[] = {"weight",  "weight",   "running",   "queued",
                                        "rate",    "burst",    "wall_time", "ceiling",
                                        "no name", "the name", "twice"};
    struct viv_tenant_config wrong[11];
    struct viv_error err;

    for (int i = 0; i < 11; i++)
        wrong[i] = named("a");
    wrong[0].weight = 0;
    wrong[1].weight = FAIR_WEIGHT_MAX + 1;
    wrong[2].running = 0;
    wrong[3].queued = 1000001;
    wrong[4].rate = -1;
    wrong[5].burst = 0;
    wrong[6].defaults.wall_time_ns = 0;
    wrong[7].defaults.pids = 100000;
    wrong[8].tenant = NULL;
    wrong[9].tenant = "a b";
    for (int i = 0; i < 11; i++) {
        struct viv_tenant_config pair[] = {wrong[i], named(i == 10 ? "a" : "b")};

        assert_int_equal(set(pair, 2, &err), -1);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, words[i]));
    }
    assert_non_null(submit("still-the-old-one", 0, NOW, NULL));
}

/* Whatever comes in which order, the counts are those of what is live. */
static void counts_add_up(void **state)
{
    struct {
        struct tenant *tenant;
        uint64_t bytes;
    } live[100];
    size_t count = 0;

    srand(3);
    for (int i = 0; i < 100000; i++) {
        char name[16];
        uint64_t bytes = (uint64_t)(rand() % 1000), sum = 0, expected = 0;

        snprintf(name, sizeof(name), "t%d", rand() % 12);
        if (count < 100 && rand() % 2) {
            live[count].tenant = submit(name, bytes, NOW + i, NULL);
            live[count].bytes = bytes;
            count += live[count].tenant != NULL;
        } else if (count > 0) {
            size_t j = (size_t)rand() % count;

            tenants_drop(&tenants, live[j].tenant, live[j].bytes, NOW + i);
            live[j] = live[--count];
        }
        if (i % 100 != 0)
            continue;
        for (unsigned j = 0; j < tenants.used; j++)
            sum += tenants.all[j].places * 1000000 + tenants.all[j].bytes;
        for (size_t j = 0; j < count; j++)
            expected += 1000000 + live[j].bytes;
        assert_int_equal(sum, expected);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_tenant_is_as_the_default_says),
        TEST(without_a_default_it_is_nobody),
        TEST(places_are_those_of_both_quotas),
        TEST(bytes_are_counted_together),
        TEST(a_rate_says_when_to_come_again),
        TEST(limits_are_the_tenants),
        TEST(the_one_that_is_idle_longest_makes_room),
        TEST(a_new_table_leaves_what_runs),
        TEST(a_wrong_table_is_refused),
        TEST(counts_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
