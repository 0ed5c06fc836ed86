/* What is left behind: by a supervisor that died, by a thousand executions, and
 * what a machine says on which nothing may be written. */
#include "supervisor/cgroup/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cgroup/inside.h"
#include "tests/unit/test.h"

#define CYCLES 1000

static struct viv_error error;

static void works(int rc)
{
    if (rc < 0)
        fail_msg("%s", error.text);
}

static struct viv_cgroup *opened(void)
{
    struct viv_cgroup_config config = {.slots = 2, .spare_max = 2};
    struct viv_cgroup *cg;

    works(viv_cgroup_open(&config, &cg, &error));
    return cg;
}

static void needs_groups(struct viv_cgroup *cg)
{
    const struct viv_cgroup_finding *f = viv_cgroup_finding(cg, VIV_CGROUP_PIDS);

    if (f->present)
        return;
    fprintf(stderr, "SKIPPED: no control groups here: %s. To have them: %s\n", f->why, f->remedy);
    viv_cgroup_close(cg);
    skip();
}

/* Groups that carry this process's or that one's number, in any hierarchy. */
static unsigned groups_of(pid_t pid)
{
    char line[512], command[128];
    unsigned count = 0;
    FILE *found;

    snprintf(command, sizeof(command), "find /sys/fs/cgroup -type d -name 'vivarium-%d-*'",
             (int)pid);
    found = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(found);
    while (fgets(line, sizeof(line), found))
        count++;
    pclose(found);
    return count;
}

static unsigned open_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

/* A supervisor that dies with a process in a group. Its process ids come back
 * through `tell`. */
static _Noreturn void die_soon(int tell)
{
    struct viv_cgroup *cg = opened();
    pid_t left;

    viv_cgroup_prepare(cg, 0, "a", NULL);
    left = inside(cg, 0, job_fork, (void *)(uintptr_t)3);
    ended(left);
    if (write(tell, &left, sizeof(left)) < 0)
        _exit(1);
    for (;;)
        pause();
}

static void a_dead_supervisor_s_groups_are_cleaned(void **state)
{
    struct viv_cgroup *cg = opened();
    int tell[2];
    pid_t dead, left;

    needs_groups(cg);
    viv_cgroup_close(cg);
    assert_int_equal(pipe(tell), 0);
    dead = fork();
    if (dead == 0)
        die_soon(tell[1]);
    assert_int_equal(read(tell[0], &left, sizeof(left)), sizeof(left));
    cg = opened();
    assert_true(groups_of(dead) > 0); /* it lives: its groups are its own */
    viv_cgroup_close(cg);
    kill(dead, SIGKILL);
    ended(dead);
    assert_true(groups_of(dead) > 0);
    cg = opened();
    assert_int_equal(groups_of(dead), 0);
    viv_cgroup_close(cg);
    close(tell[0]);
    close(tell[1]);
}

/* What is not ours, where `root` is. */
static void beside(const char *root, char *ret, size_t room)
{
    snprintf(ret, room, "%.*s/vivarium-neighbour-%d", (int)(strrchr(root, '/') - root), root,
             (int)getpid());
}

/* The first of our roots there is. */
static void find_root(char *ret, size_t room)
{
    char command[128];
    FILE *found;

    snprintf(command, sizeof(command), "find /sys/fs/cgroup -type d -name 'vivarium-%d-*'",
             (int)getpid());
    found = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(found);
    assert_non_null(fgets(ret, (int)room, found));
    ret[strcspn(ret, "\n")] = '\0';
    while (fgets(command, sizeof(command), found))
        ;
    pclose(found);
}

/* A sleeper in a group of its own. */
static pid_t neighbour(const char *group)
{
    char path[640];
    pid_t pid = fork();
    FILE *procs;

    if (pid == 0)
        job_sleep(NULL);
    snprintf(path, sizeof(path), "%s/cgroup.procs", group);
    procs = fopen(path, "we");
    assert_non_null(procs);
    fprintf(procs, "%d\n", (int)pid);
    assert_int_equal(fclose(procs), 0);
    return pid;
}

/* A container's group may be called as its container is. */
static void a_neighbour_is_left_alone(void **state)
{
    struct viv_cgroup *cg = opened();
    char root[512], group[600];
    pid_t pid;

    needs_groups(cg);
    find_root(root, sizeof(root));
    beside(root, group, sizeof(group));
    viv_cgroup_close(cg);
    assert_int_equal(mkdir(group, 0755), 0);
    pid = neighbour(group);
    cg = opened();
    viv_cgroup_close(cg);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    ended(pid);
    assert_int_equal(rmdir(group), 0);
}

struct costs {
    double prepare[CYCLES], limit[CYCLES], enter[CYCLES], usage[CYCLES], empty[CYCLES];
};

static bool wait_empty(struct viv_cgroup *cg, unsigned slot)
{
    bool empty = false;

    for (int i = 0; i < 2000 && !empty; i++) {
        works(viv_cgroup_empty(cg, slot, &empty, &error));
        if (!empty)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return empty;
}

static void one_cycle(struct viv_cgroup *cg, unsigned i, struct costs *costs)
{
    struct viv_cgroup_limits limits = {
        .memory_bytes = (64u + i % 7) << 20, .pids = 8 + i % 5, .cpu_millis = 500};
    struct viv_cgroup_usage u;
    double t[6];

    t[0] = now_us();
    works(viv_cgroup_prepare(cg, i % 2, i % 10 == 9 ? "b" : "a", &error));
    t[1] = now_us();
    works(viv_cgroup_limit(cg, i % 2, &limits, &error));
    t[2] = now_us();
    assert_int_equal(ended(inside(cg, i % 2, job_nothing, NULL)), 0);
    t[3] = now_us();
    works(viv_cgroup_usage(cg, i % 2, &u, &error));
    t[4] = now_us();
    assert_true(wait_empty(cg, i % 2));
    t[5] = now_us();
    costs->prepare[i] = t[1] - t[0];
    costs->limit[i] = t[2] - t[1];
    costs->enter[i] = t[3] - t[2];
    costs->usage[i] = t[4] - t[3];
    costs->empty[i] = t[5] - t[4];
}

static void print_costs(struct costs *costs, double bare)
{
    fprintf(stderr, "microseconds, median of %d:\n", CYCLES);
    fprintf(stderr, "  %-44s %8.1f\n", "prepare (off the critical path)",
            median(costs->prepare, CYCLES));
    fprintf(stderr, "  %-44s %8.1f\n", "limit (five limits)", median(costs->limit, CYCLES));
    fprintf(stderr, "  %-44s %8.1f\n", "clone, enter, exit, wait", median(costs->enter, CYCLES));
    fprintf(stderr, "  %-44s %8.1f\n", "  the same without a group", bare);
    fprintf(stderr, "  %-44s %8.1f\n", "usage (all counters)", median(costs->usage, CYCLES));
    fprintf(stderr, "  %-44s %8.1f\n", "empty", median(costs->empty, CYCLES));
}

static double bare_clone(void)
{
    static double took[CYCLES];

    for (unsigned i = 0; i < CYCLES; i++) {
        double began = now_us();
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        ended(pid);
        took[i] = now_us() - began;
    }
    return median(took, CYCLES);
}

static void a_thousand_cycles_leave_nothing(void **state)
{
    static struct costs costs;
    unsigned before = open_descriptors();
    struct viv_cgroup *cg = opened();

    needs_groups(cg);
    for (unsigned i = 0; i < CYCLES; i++)
        one_cycle(cg, i, &costs);
    print_costs(&costs, bare_clone());
    viv_cgroup_close(cg);
    assert_int_equal(groups_of(getpid()), 0);
    assert_int_equal(open_descriptors(), before);
}

/* Idle in between: then the kernel's lock has gone back to its slow state, as
 * on a machine that isn't busy moving processes. */
static void what_moving_from_outside_costs(void **state)
{
    double took[20];
    struct viv_cgroup *cg = opened();

    needs_groups(cg);
    works(viv_cgroup_prepare(cg, 0, "a", &error));
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0)
            job_sleep(NULL);
        nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL);
        took[i] = now_us();
        works(viv_cgroup_attach(cg, 0, pid, &error));
        took[i] = now_us() - took[i];
        kill(pid, SIGKILL);
        ended(pid);
    }
    fprintf(stderr, "attach from outside: median %.0f us\n", median(took, 20));
    assert_true(wait_empty(cg, 0));
    viv_cgroup_close(cg);
}

/* In a mount namespace of its own: 0, or what failed. */
static int closed_world(void *read_only)
{
    const struct viv_cgroup_finding *f;
    struct viv_cgroup *cg;
    struct viv_cgroup_config config = {.slots = 1};
    struct viv_cgroup_usage u;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 2;
    if (read_only) {
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

        if (mount_setattr(AT_FDCWD, "/sys/fs/cgroup", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
            return 3;
    } else if (umount2("/sys/fs/cgroup", MNT_DETACH) < 0) {
        return 4;
    }
    if (viv_cgroup_open(&config, &cg, &error) < 0 || viv_cgroup_mode(cg) != VIV_CGROUP_NONE)
        return 5;
    f = viv_cgroup_finding(cg, VIV_CGROUP_MEMORY);
    fprintf(stderr, "%s: %s (%s)\n", read_only ? "read-only" : "unmounted", f->why, f->remedy);
    if (f->present || !f->why[0] || !f->remedy[0])
        return 6;
    if (read_only && !strstr(f->why, "Read-only file system"))
        return 7;
    if (viv_cgroup_prepare(cg, 0, "a", &error) < 0 || viv_cgroup_usage(cg, 0, &u, &error) < 0 ||
        viv_cgroup_limit(cg, 0, &(struct viv_cgroup_limits){.pids = 1}, &error) == 0)
        return 8;
    viv_cgroup_close(cg);
    return 0;
}

static void a_machine_without_them_says_so(void **state)
{
    if (geteuid() != 0) {
        fprintf(stderr, "SKIPPED: only root can take the control groups away from itself\n");
        skip();
    }
    for (uintptr_t read_only = 0; read_only < 2; read_only++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(closed_world((void *)read_only));
        assert_int_equal(ended(pid), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_supervisor_s_groups_are_cleaned),
        cmocka_unit_test(a_neighbour_is_left_alone),
        cmocka_unit_test(a_thousand_cycles_leave_nothing),
        cmocka_unit_test(what_moving_from_outside_costs),
        cmocka_unit_test(a_machine_without_them_says_so),
    };

    return cmocka_run_group_tests_name("cgroup leaks", tests, NULL, NULL);
}
