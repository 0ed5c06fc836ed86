/* Version 1 has several hierarchies: what is done in each may fail in the second. */
#include "supervisor/cgroup/cgroup.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cgroup/inside.h"
#include "tests/unit/test.h"

#define MIB (1u << 20)

static struct viv_error error;

static void works(int rc)
{
    if (rc < 0)
        fail_msg("%s", error.text);
}

static struct viv_cgroup *opened(unsigned tenants)
{
    struct viv_cgroup_config config = {.slots = 1, .spare_max = 1, .tenants_max = tenants};
    struct viv_cgroup *cg;

    works(viv_cgroup_open(&config, &cg, &error));
    return cg;
}

static void needs_version_1(struct viv_cgroup *cg)
{
    bool has = viv_cgroup_finding(cg, VIV_CGROUP_MEMORY)->present &&
               viv_cgroup_finding(cg, VIV_CGROUP_PIDS)->present;

    if (has && viv_cgroup_mode(cg) != VIV_CGROUP_V2)
        return;
    fprintf(stderr, "SKIPPED: no memory and pids of version 1 here\n");
    viv_cgroup_close(cg);
    skip();
}

static void use(struct viv_cgroup *cg, const char *tenant, int (*job)(void *), void *arg,
                int status)
{
    struct viv_cgroup_limits limits = {.pids = 8};

    works(viv_cgroup_prepare(cg, 0, tenant, &error));
    works(viv_cgroup_limit(cg, 0, &limits, &error));
    works(viv_cgroup_mark(cg, 0, &error));
    assert_int_equal(ended(inside(cg, 0, job, arg)), status);
    works(viv_cgroup_release(cg, 0, &error));
}

/* Our groups of that name, as many as fit; NULL: count them only. */
static unsigned find(const char *below, const char *name, char (*ret)[512], unsigned room)
{
    char line[512], command[256];
    unsigned count = 0;
    FILE *found;

    snprintf(command, sizeof(command), "find '%s' -type d -path '*/vivarium-%d-*' -name '%s'",
             below, (int)getpid(), name);
    found = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(found);
    for (; fgets(line, sizeof(line), found); count++)
        if (count < room)
            snprintf(ret[count], sizeof(*ret), "%.*s", (int)strcspn(line, "\n"), line);
    pclose(found);
    return count;
}

/* "b" would get the groups of "a", but in one hierarchy there is one of its name: the
 * others are not to keep the limits of "a" under that name. */
static void a_rename_that_fails_is_undone(void **state)
{
    struct viv_cgroup_limits low = {.memory_bytes = 8 * MIB}, none = {0};
    struct viv_cgroup *cg = opened(1);
    char was[1][512], is[600];

    needs_version_1(cg);
    works(viv_cgroup_tenant(cg, "a", &low, &error));
    use(cg, "a", job_touch, (void *)(uintptr_t)100, SIGKILL);
    assert_int_equal(find("/sys/fs/cgroup/pids", "t0-a", was, 1), 1);
    snprintf(is, sizeof(is), "%.*st1-b", (int)(strlen(was[0]) - 4), was[0]);
    assert_int_equal(mkdir(is, 0755), 0);
    works(viv_cgroup_tenant(cg, "b", &none, &error));
    use(cg, "b", job_touch, (void *)(uintptr_t)100, 0);
    assert_int_equal(find("/sys/fs/cgroup", "t0-a", NULL, 0), 0);
    viv_cgroup_close(cg);
}

/* Somebody has cleaned up, in one hierarchy. */
static void a_resting_group_that_is_gone_is_made_anew(void **state)
{
    struct viv_cgroup *cg = opened(4);
    char gone[1][512];

    needs_version_1(cg);
    use(cg, "a", job_nothing, NULL, 0);
    assert_int_equal(find("/sys/fs/cgroup/pids", "w0", gone, 1), 1);
    use(cg, "b", job_nothing, NULL, 0);
    use(cg, "c", job_nothing, NULL, 0);
    assert_int_equal(rmdir(gone[0]), 0);
    use(cg, "a", job_nothing, NULL, 0);
    assert_int_equal(find("/sys/fs/cgroup/memory", "w0", NULL, 0), 2);
    assert_int_equal(find("/sys/fs/cgroup/pids", "w1", NULL, 0), 1);
    viv_cgroup_close(cg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rename_that_fails_is_undone),
        cmocka_unit_test(a_resting_group_that_is_gone_is_made_anew),
    };

    return cmocka_run_group_tests_name("cgroup hierarchies", tests, NULL, NULL);
}
