#include "worker/layers.h"

#include <string.h>

#include "tests/unit/test.h"

#define BIT VIV_LAYER_BIT

static void names_go_both_ways(void **state)
{
    for (unsigned i = 0; i < VIV_LAYERS; i++)
        assert_int_equal(viv_layer_named(viv_layer_name(i)), i);
    assert_null(viv_layer_name(VIV_LAYERS));
    assert_int_equal(viv_layer_named("nonsense"), -1);
    assert_int_equal(viv_layer_named(""), -1);
}

static void what_depends_on_an_absent_layer_is_absent(void **state)
{
    uint64_t all = viv_layers_close(BIT(VIV_LAYER_USER_NAMESPACE));

    assert_true(all & BIT(VIV_LAYER_READ_ONLY_ROOT));
    assert_true(all & BIT(VIV_LAYER_CGROUP_NAMESPACE));
    assert_false(all & BIT(VIV_LAYER_LANDLOCK));
    assert_int_equal(viv_layers_close(BIT(VIV_LAYER_NO_NEW_PRIVS)), BIT(VIV_LAYER_NO_NEW_PRIVS) |
                                                                        BIT(VIV_LAYER_LANDLOCK) |
                                                                        BIT(VIV_LAYER_SECCOMP));
    assert_int_equal(viv_layers_close(BIT(VIV_LAYER_PID_NAMESPACE)),
                     BIT(VIV_LAYER_PID_NAMESPACE) | BIT(VIV_LAYER_PRIVATE_PROC));
}

/* Of every set: it only grows, and does so once. */
static void closing_is_done_once(void **state)
{
    for (uint64_t set = 0; set <= VIV_LAYERS_JAIL; set++) {
        uint64_t closed = viv_layers_close(set);

        assert_int_equal(closed & set, set);
        assert_int_equal(viv_layers_close(closed), closed);
        assert_int_equal(closed & ~VIV_LAYERS_JAIL, 0);
    }
}

static void lacking_is_an_error_unless_allowed(void **state)
{
    const struct viv_layers layers = {.allowed = BIT(VIV_LAYER_LANDLOCK)};
    struct viv_error err;

    viv_fail(&err, VIV_FAILED_PRECONDITION, "why");
    assert_int_equal(viv_layers_lack(&layers, BIT(VIV_LAYER_LANDLOCK), &err), 0);
    assert_int_equal(
        viv_layers_lack(&layers,
                        BIT(VIV_LAYER_LANDLOCK) | BIT(VIV_LAYER_SECCOMP) | BIT(VIV_LAYER_RLIMITS),
                        &err),
        -1);
    assert_string_equal(err.text,
                        "missing: rlimits, seccomp (--allow-absent NAME allows it for each): why");
    assert_int_equal(viv_layers_lack(&layers, BIT(VIV_LAYER_SECCOMP), NULL), -1);
}

/* All that can be missing at once fits beside a long reason. */
static void all_names_fit(void **state)
{
    const struct viv_layers layers = {0};
    struct viv_error err;

    viv_fail(&err, VIV_FAILED_PRECONDITION, "%0150d", 1);
    assert_int_equal(viv_layers_lack(&layers, VIV_LAYERS_JAIL, &err), -1);
    assert_non_null(strstr(err.text, "seccomp (--allow-absent"));
    assert_int_equal(err.text[strlen(err.text) - 1], '1');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(what_depends_on_an_absent_layer_is_absent),
        cmocka_unit_test(closing_is_done_once),
        cmocka_unit_test(lacking_is_an_error_unless_allowed),
        cmocka_unit_test(all_names_fit),
    };

    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
