#include "supervisor/layers.h"

#include <string.h>

#include "tests/unit/test.h"

#define ALL (VIV_LAYER_BIT(VIV_LAYERS) - 1)

static void nothing_is_missing(void **state)
{
    struct viv_error err = {0};

    assert_int_equal(layers_check(ALL, ALL, 0, NULL, &err), 0);
    assert_int_equal(layers_check(0, 0, 0, NULL, &err), 0);
    assert_int_equal(layers_check(VIV_LAYERS_JAIL, VIV_LAYERS_JAIL, 0, NULL, &err), 0);
    assert_int_equal(err.status, VIV_OK);
}

/* Every layer alone: missing it stops the start, unless it, and not another, is allowed. */
static void each_layer_alone(void **state)
{
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        uint64_t bit = VIV_LAYER_BIT(i), others = ALL & ~bit;
        struct viv_error err = {0};

        assert_int_equal(layers_check(ALL, others, bit, NULL, &err), 0);
        assert_int_equal(layers_check(ALL, others, UINT64_MAX, NULL, &err), 0);
        assert_int_equal(layers_check(others, others, 0, NULL, &err), 0);
        assert_int_equal(layers_check(ALL, others, others, NULL, &err), -1);
        assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
        assert_non_null(strstr(err.text, viv_layer_name(i)));
    }
}

static void the_text_says_what_to_do(void **state)
{
    const struct layers_finding findings[VIV_LAYERS] = {
        [VIV_LAYER_CGROUP_MEMORY] = {"writing: Read-only file system", "write it"},
        [VIV_LAYER_CGROUP_PIDS] = {"no such thing", "have one"},
    };
    uint64_t gone = VIV_LAYER_BIT(VIV_LAYER_CGROUP_MEMORY) | VIV_LAYER_BIT(VIV_LAYER_CGROUP_PIDS);
    struct viv_error err = {0};

    assert_int_equal(layers_check(ALL, ALL & ~gone, 0, findings, &err), -1);
    assert_string_equal(err.text,
                        "this machine lacks the layer cgroup_memory (writing: Read-only file "
                        "system). To have it: write it. To do without: --allow-absent "
                        "cgroup_memory --allow-absent cgroup_pids");
}

static void names_are_found(void **state)
{
    struct viv_error err = {0};
    uint64_t mask = 0;

    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        assert_int_equal(viv_layer_find(viv_layer_name(i), &mask, &err), 0);
        assert_int_equal(mask, VIV_LAYER_BIT(i));
    }
    assert_null(viv_layer_name(VIV_LAYERS));
    assert_int_equal(viv_layer_find("cgroup", &mask, &err), -1);
    assert_int_equal(viv_layer_find("", &mask, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_missing),
        cmocka_unit_test(each_layer_alone),
        cmocka_unit_test(the_text_says_what_to_do),
        cmocka_unit_test(names_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
