#include "supervisor/cgroup/cgroup_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

/* As the kernel gives it: not a byte behind it may be read. */
static char *exact(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len); /* NOLINT(bugprone-not-null-terminated-result) */
    return copy;
}

static void number(const char *text, int rc, uint64_t value)
{
    char *copy = exact(text);
    uint64_t got = 77;

    assert_int_equal(viv_cgroup_text_number(copy, strlen(text), &got), rc);
    assert_int_equal(got, rc == 0 ? value : 77);
    free(copy);
}

static void numbers(void **state)
{
    number("0\n", 0, 0);
    number("123", 0, 123);
    number("max\n", 0, UINT64_MAX);
    number("18446744073709551615\n", 0, UINT64_MAX);
    number("18446744073709551616\n", -1, 0);
    number("99999999999999999999999\n", -1, 0);
    number("", -1, 0);
    number("\n", -1, 0);
    number("-1\n", -1, 0);
    number("1 2\n", -1, 0);
    number("1\n2\n", -1, 0);
    number("maximum\n", -1, 0);
}

static void field(const char *text, const char *key, int rc, uint64_t value)
{
    char *copy = exact(text);
    uint64_t got = 77;

    assert_int_equal(viv_cgroup_text_field(copy, strlen(text), key, &got), rc);
    assert_int_equal(got, rc == 0 ? value : 77);
    free(copy);
}

static void fields(void **state)
{
    static const char events[] = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n";

    field(events, "oom_kill", 0, 2);
    field(events, "oom", 0, 3);
    field(events, "max", 0, 12);
    field(events, "oom_group_kill", -1, 0);
    field("oom_kill 2", "oom_kill", 0, 2);
    field("oom_kill", "oom_kill", -1, 0);
    field("oom_kill \n", "oom_kill", -1, 0);
    field("", "oom_kill", -1, 0);
}

static void lists(void **state)
{
    static const char text[] = "cpuset cpu io memory pids\n";

    assert_true(viv_cgroup_text_has(text, strlen(text), "cpu"));
    assert_true(viv_cgroup_text_has(text, strlen(text), "pids"));
    assert_false(viv_cgroup_text_has(text, strlen(text), "mem"));
    assert_false(viv_cgroup_text_has("", 0, "cpu"));
}

static void process_ids(void **state)
{
    static const char text[] = "1\n0\n4194304\nx\n99999999999\n7";
    pid_t pids[8];

    assert_int_equal(viv_cgroup_text_pids(text, strlen(text), pids, 8), 3);
    assert_int_equal(pids[0], 1);
    assert_int_equal(pids[1], 4194304);
    assert_int_equal(pids[2], 7);
    assert_int_equal(viv_cgroup_text_pids(text, strlen(text), pids, 2), 2);
    assert_int_equal(viv_cgroup_text_pids("", 0, pids, 8), 0);
}

static const char own_text[] = "9:name=systemd:/\n"
                               "5:cpu,cpuacct:/docker/ab:c\n"
                               "4:memory:/process/e8\n"
                               "0::/user.slice/x.scope\n";

static void own(const char *controller, const char *want)
{
    char got[VIV_CGROUP_PATH] = "untouched";
    int rc = viv_cgroup_text_own(own_text, strlen(own_text), controller, got);

    assert_int_equal(rc, want ? 0 : -1);
    assert_string_equal(got, want ? want : "untouched");
}

static void own_groups(void **state)
{
    own("memory", "/process/e8");
    own("cpu", "/docker/ab:c");
    own("cpuacct", "/docker/ab:c");
    own(NULL, "/user.slice/x.scope");
    own("pids", NULL);
    own("systemd", NULL);
}

static const char mounts[] =
    "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 25 0:29 /docker/x /sys/fs/cgroup/mem\\040ory ro,nosuid - cgroup cgroup rw,memory\n"
    "34 25 0:30 / /sys/fs/cgroup/unified rw shared:11 master:3 - cgroup2 cgroup2 rw,nsdelegate\n"
    "35 25 0:31 / /short rw - cgroup\n"
    "36 25 0:31 / /bad\\9 rw - cgroup none rw,pids\n";

static void mounted(const char *controller, const char *point, const char *root, bool read_only)
{
    struct viv_cgroup_mount got = {.point = "untouched"};
    int rc = viv_cgroup_text_mount(mounts, strlen(mounts), controller, &got);

    assert_int_equal(rc, point ? 0 : -1);
    assert_string_equal(got.point, point ? point : "untouched");
    assert_string_equal(got.root, root);
    assert_int_equal(got.read_only, read_only);
}

static void mount_points(void **state)
{
    mounted("cpu", "/sys/fs/cgroup/cpu,cpuacct", "/", false);
    mounted("cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/", false);
    mounted("memory", "/sys/fs/cgroup/mem ory", "/docker/x", true);
    mounted(NULL, "/sys/fs/cgroup/unified", "/", false);
    mounted("pids", NULL, "", false);
    mounted("freezer", NULL, "", false);
}

static void below(const char *group, const char *root, const char *want)
{
    char got[VIV_CGROUP_PATH] = "untouched";

    assert_int_equal(viv_cgroup_text_below(group, root, got), want ? 0 : -1);
    assert_string_equal(got, want ? want : "untouched");
}

static void groups_below_a_mount(void **state)
{
    below("/", "/", "");
    below("/a/b", "/", "a/b");
    below("/a/b", "/a", "b");
    below("/a", "/a", "");
    below("/ab", "/a", NULL);
    below("/", "/a", NULL);
    below("/../x", "/", NULL);
    below("", "/", NULL);
}

/* What another calls his group is not ours to kill. */
static void roots(void **state)
{
    static const char *const others[] = {
        "",
        "vivarium",
        "vivarium-",
        "vivarium-1",
        "vivarium-1-",
        "vivarium--1",
        "vivarium-web-1",
        "vivarium-1-web",
        "vivarium-1-2-3",
        "xvivarium-1-2",
        "vivarium- 1-2",
        "vivarium-1-2.scope",
    };
    char name[VIV_CGROUP_NAME];

    viv_cgroup_text_root(4711, 3, name);
    assert_string_equal(name, "vivarium-4711-3");
    assert_true(viv_cgroup_text_is_root(name));
    viv_cgroup_text_root(INT32_MAX, UINT32_MAX, name);
    assert_true(viv_cgroup_text_is_root(name));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(viv_cgroup_text_is_root(others[i]));
}

/* A tenant's name comes from a client: it must not leave its folder, and two
 * tenants must never share one. */
static void tenants(void **state)
{
    char got[VIV_CGROUP_NAME], long_name[200];

    viv_cgroup_text_tenant(7, "../../etc", got);
    assert_string_equal(got, "t7-______etc");
    viv_cgroup_text_tenant(0, "", got);
    assert_string_equal(got, "t0-");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    viv_cgroup_text_tenant(UINT32_MAX, long_name, got);
    assert_int_equal(strlen(got), VIV_CGROUP_NAME - 1);
    for (int c = 1; c < 256; c++) {
        char name[2] = {(char)c, '\0'};

        viv_cgroup_text_tenant(1, name, got);
        assert_null(strpbrk(got, "/.\n \\"));
    }
}

static void splits(void **state)
{
    uint64_t user, system;

    viv_cgroup_text_split(100, 1, 3, &user, &system);
    assert_int_equal(user, 25);
    assert_int_equal(system, 75);
    viv_cgroup_text_split(100, 0, 0, &user, &system);
    assert_int_equal(user, 100);
    viv_cgroup_text_split(UINT64_MAX, UINT64_MAX, UINT64_MAX, &user, &system);
    assert_int_equal(user, UINT64_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(fields),
        cmocka_unit_test(lists),
        cmocka_unit_test(process_ids),
        cmocka_unit_test(own_groups),
        cmocka_unit_test(mount_points),
        cmocka_unit_test(groups_below_a_mount),
        cmocka_unit_test(roots),
        cmocka_unit_test(tenants),
        cmocka_unit_test(splits),
    };

    return cmocka_run_group_tests_name("cgroup text", tests, NULL, NULL);
}
