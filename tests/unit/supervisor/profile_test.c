#include "supervisor/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
    struct viv_profile profile;
    const char *error; /* NULL: it is right */
} cases[] = {
    {{.name = "a"}, NULL},
    {{.name = "default"}, NULL},
    {{.name = "A-z.0_9:"}, NULL},
    {{.name = NULL}, "1 to 63 characters"},
    {{.name = ""}, "name of a profile"},
    {{.name = "a b"}, "name of a profile"},
    {{.name = "0123456789012345678901234567890123456789012345678901234567890123"},
     "1 to 63 characters"},
    {{.name = "a", .preload = LIST("numpy", "os.path")}, NULL},
    {{.name = "a", .preload = LIST("")}, "profile a: preload wants names of modules"},
    {{.name = "a", .preload = LIST("--without")}, "preload wants names of modules"},
    {{.name = "a", .read_only_paths = LIST("/opt/venv", "/etc/resolv.conf", "/tmpx")}, NULL},
    {{.name = "a", .read_only_paths = LIST("/opt/..venv", "/opt/.venv", "/a...b")}, NULL},
    {{.name = "a", .read_only_paths = LIST("")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("opt")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt/")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt//a")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("//opt")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt/./a")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt/../etc")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt/..")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/opt/.")}, "absolute"},
    {{.name = "a", .read_only_paths = LIST("/tmp")}, "nothing of /tmp"},
    {{.name = "a", .read_only_paths = LIST("/tmp/x")}, "nothing of /tmp"},
    {{.name = "a", .read_only_paths = LIST("/proc/self")}, "nothing of /tmp"},
    {{.name = "a", .read_only_paths = LIST("/dev")}, "nothing of /tmp"},
    {{.name = "a", .read_only_paths = LIST("/sys/fs")}, "nothing of /tmp"},
    {{.name = "a", .environment = LIST("A=", "_b1=c=d")}, NULL},
    {{.name = "a", .environment = LIST("A")}, "NAME=VALUE"},
    {{.name = "a", .environment = LIST("=a")}, "NAME=VALUE"},
    {{.name = "a", .environment = LIST("1a=b")}, "NAME=VALUE"},
    {{.name = "a", .environment = LIST("a-b=c")}, "NAME=VALUE"},
    {{.name = "a", .environment = LIST("")}, "NAME=VALUE"},
    {{.name = "a", .workers_warm = 29}, "workers_warm of all profiles, 33, is above"},
    {{.name = "a", .workers_warm = 28}, NULL},
    {{.name = "default", .workers_warm = 32}, NULL},
};

static void one_profile(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct viv_config config;
        struct viv_error err = {0};

        viv_config_init(&config);
        config.profiles = &cases[i].profile;
        config.profile_count = 1;
        if (viv_config_check(&config, &err) != (cases[i].error ? -1 : 0) ||
            (cases[i].error && !strstr(err.text, cases[i].error)))
            fail_msg("%zu: not \"%s\": %s", i, cases[i].error ? cases[i].error : "", err.text);
    }
}

static void too_many(void **state)
{
    static char names[VIV_PROFILES_MAX + 1][8];
    struct viv_profile all[VIV_PROFILES_MAX + 1] = {{0}};
    struct viv_config config;

    viv_config_init(&config);
    config.profiles = all;
    for (int i = 0; i <= VIV_PROFILES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "p%d", i);
        all[i].name = names[i];
    }
    config.profile_count = VIV_PROFILES_MAX - 1;
    assert_int_equal(viv_config_check(&config, NULL), 0);
    config.profile_count++; /* and the default one */
    assert_int_equal(viv_config_check(&config, NULL), -1);
    all[3].name = "default";
    assert_int_equal(viv_config_check(&config, NULL), 0);
    all[4].name = "p5";
    assert_int_equal(viv_config_check(&config, NULL), -1);
}

static void too_long_lists(void **state)
{
    static const char *many[PROFILE_MODULES_MAX + 2];
    struct viv_profile p = {.name = "a", .preload = many};
    struct viv_config config;

    viv_config_init(&config);
    config.profiles = &p;
    config.profile_count = 1;
    for (int i = 0; i < PROFILE_MODULES_MAX; i++)
        many[i] = "m";
    assert_int_equal(viv_config_check(&config, NULL), 0);
    many[PROFILE_MODULES_MAX] = "m";
    assert_int_equal(viv_config_check(&config, NULL), -1);
    p.preload = NULL;
    config.preload = many;
    assert_int_equal(viv_config_check(&config, NULL), -1);
}

static void the_default_one_is_the_first(void **state)
{
    const struct viv_profile given[] = {{.name = "a", .network = true},
                                        {.name = "default", .preload = LIST("re")}};
    struct viv_profile *all;
    struct viv_config config;
    size_t count;

    viv_config_init(&config);
    config.preload = LIST("json");
    config.profiles = given;
    config.profile_count = 1;
    assert_int_equal(profiles_new(&config, &all, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_string_equal(all[0].name, "default");
    assert_string_equal(all[0].preload[0], "json");
    assert_int_equal(all[0].workers_warm, config.workers_warm);
    assert_string_equal(all[1].name, "a");
    assert_true(all[1].network);
    assert_null(all[1].preload[0]);
    profiles_free(all, count);
    config.profile_count = 2;
    assert_int_equal(profiles_new(&config, &all, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_string_equal(all[0].preload[0], "re");
    assert_string_equal(all[1].name, "a");
    profiles_free(all, count);
}

static void who_may_use_which(void **state)
{
    const struct viv_profile all[] = {{.name = "default"}, {.name = "a"}, {.name = "b"}};
    struct viv_tenant_config t = {.tenant = "t"};
    struct viv_error err;
    size_t index = 9;

    assert_int_equal(profile_resolve(all, 3, &t, NULL, &index, NULL), 0);
    assert_int_equal(index, 0);
    assert_int_equal(profile_resolve(all, 3, &t, "a", &index, &err), -1);
    assert_int_equal(err.status, VIV_PERMISSION_DENIED);
    assert_non_null(strstr(err.text, "it may use: default"));
    t.profiles = LIST("b");
    assert_int_equal(profile_resolve(all, 3, &t, "b", &index, NULL), 0);
    assert_int_equal(index, 2);
    assert_int_equal(profile_resolve(all, 3, &t, "", &index, &err), -1);
    assert_non_null(strstr(err.text, "it may use: b"));
    t.profiles = LIST("a", "gone");
    assert_int_equal(profile_resolve(all, 3, &t, "gone", &index, &err), -1);
    assert_non_null(strstr(err.text, "'gone' that this tenant may use; it may use: a"));
    assert_int_equal(index, 2);
    assert_int_equal(profiles_check_tenants(all, 3, &t, 1, &err), -1);
    assert_non_null(strstr(err.text, "no profile gone"));
    t.profiles = LIST("a", "b");
    assert_int_equal(profiles_check_tenants(all, 3, &t, 1, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_profile),       cmocka_unit_test(too_many),
        cmocka_unit_test(too_long_lists),    cmocka_unit_test(the_default_one_is_the_first),
        cmocka_unit_test(who_may_use_which),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
