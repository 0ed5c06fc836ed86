/* Limits against the real kernel, whichever version it offers. */
#include "supervisor/cgroup/cgroup.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cgroup/inside.h"
#include "tests/unit/test.h"

#define MIB (1u << 20)
#define COUNT(n) ((void *)(uintptr_t)(n))

static struct viv_cgroup *cg;
static struct viv_error error;

static void works(int rc)
{
    if (rc < 0)
        fail_msg("%s", error.text);
}

#define NOBODY 65534

static int begin(void **state)
{
    struct viv_cgroup_config config = {
        .slots = 4, .tenants_max = 4, .spare_max = 2, .clone_uid = geteuid() ? 0 : NOBODY};

    return viv_cgroup_open(&config, &cg, &error);
}

static int finish(void **state)
{
    viv_cgroup_close(cg);
    return 0;
}

/* A test of what the machine lacks says so, loudly, and is counted as skipped. */
static void needs(enum viv_cgroup_layer layer)
{
    const struct viv_cgroup_finding *f = viv_cgroup_finding(cg, layer);

    if (f->present)
        return;
    fprintf(stderr, "SKIPPED: no %s here: %s. To have it: %s\n", viv_cgroup_layer_name(layer),
            f->why, f->remedy);
    skip();
}

static void give(unsigned slot, const char *tenant, const struct viv_cgroup_limits *limits)
{
    works(viv_cgroup_prepare(cg, slot, tenant, &error));
    works(viv_cgroup_limit(cg, slot, limits, &error));
    works(viv_cgroup_mark(cg, slot, &error));
}

static struct viv_cgroup_usage used(unsigned slot)
{
    struct viv_cgroup_usage u = {0};

    works(viv_cgroup_usage(cg, slot, &u, &error));
    return u;
}

static bool empty_soon(unsigned slot)
{
    for (int i = 0; i < 2000; i++) {
        bool empty = false;

        works(viv_cgroup_empty(cg, slot, &empty, &error));
        if (empty)
            return true;
        works(viv_cgroup_kill(cg, slot, &error));
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

static void the_layers_are_told(void **state)
{
    fprintf(stderr, "control groups: %s\n", viv_cgroup_mode_name(viv_cgroup_mode(cg)));
    for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++) {
        const struct viv_cgroup_finding *f = viv_cgroup_finding(cg, i);

        fprintf(stderr, "  %-18s %s%s\n", viv_cgroup_layer_name(i),
                f->present ? "yes" : "NO: ", f->why);
        assert_int_equal(f->present, f->why[0] == '\0');
        assert_int_equal(f->present, f->remedy[0] == '\0');
    }
}

static void too_much_memory_is_an_oom_kill(void **state)
{
    struct viv_cgroup_limits limits = {.memory_bytes = 64 * MIB, .pids = 8};
    struct viv_cgroup_usage u;
    int status;

    needs(VIV_CGROUP_MEMORY);
    give(0, "a", &limits);
    status = ended(inside(cg, 0, job_touch, COUNT(200)));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    u = used(0);
    fprintf(stderr, "oom kills %llu, peak %llu of %llu\n", (unsigned long long)u.oom_kills,
            (unsigned long long)u.memory_peak_bytes, (unsigned long long)limits.memory_bytes);
    assert_true(u.oom_kills >= 1);
    assert_true(u.memory_limit_hits > 0);
    assert_in_range(u.memory_peak_bytes, 60 * MIB, 64 * MIB);
}

static void the_same_memory_is_had_without_a_limit(void **state)
{
    struct viv_cgroup_limits limits = {0};
    struct viv_cgroup_usage u;

    needs(VIV_CGROUP_MEMORY);
    give(0, "a", &limits);
    assert_int_equal(ended(inside(cg, 0, job_touch, COUNT(200))), 0);
    u = used(0);
    assert_int_equal(u.oom_kills, 0);
    if (u.memory_peak_bytes == 0) {
        fprintf(stderr, "SKIPPED: this kernel tells no peak (memory.peak: Linux 5.19)\n");
        skip();
    }
    assert_in_range(u.memory_peak_bytes, 200 * MIB, 240 * MIB);
}

static void the_next_execution_starts_at_nothing(void **state)
{
    struct viv_cgroup_limits limits = {.memory_bytes = 256 * MIB, .pids = 8};
    struct viv_cgroup_usage u;

    needs(VIV_CGROUP_MEMORY);
    give(0, "a", &limits);
    assert_int_equal(ended(inside(cg, 0, job_touch, COUNT(100))), 0);
    assert_true(empty_soon(0));
    give(0, "a", &limits);
    u = used(0);
    assert_true(u.memory_peak_bytes < 8 * MIB);
    assert_true(u.cpu_ns < 1000000);
    assert_int_equal(ended(inside(cg, 0, job_touch, COUNT(20))), 0);
    u = used(0);
    assert_true(u.memory_peak_bytes < 40 * MIB);
}

/* What a session needs: several executions in one group, each with figures of
 * its own. */
static void a_mark_starts_counters_anew(void **state)
{
    struct viv_cgroup_limits limits = {.memory_bytes = 256 * MIB, .pids = 8};
    struct viv_cgroup_usage u;
    pid_t stays;

    needs(VIV_CGROUP_MEMORY);
    give(0, "a", &limits);
    stays = inside(cg, 0, job_sleep, NULL);
    assert_int_equal(ended(inside(cg, 0, job_touch, COUNT(100))), 0);
    assert_int_equal(WEXITSTATUS(ended(inside(cg, 0, job_fork, COUNT(20)))), 6);
    u = used(0);
    assert_true(u.cpu_ns > 1000000);
    assert_true(u.pids_refused >= 1);
    works(viv_cgroup_mark(cg, 0, &error));
    u = used(0);
    assert_true(u.cpu_ns < 1000000);
    assert_int_equal(u.oom_kills, 0);
    kill(stays, SIGKILL);
    ended(stays);
    assert_true(empty_soon(0));
}

static void a_fork_bomb_meets_its_limit(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 12};
    int status;

    needs(VIV_CGROUP_PIDS);
    give(0, "a", &limits);
    status = ended(inside(cg, 0, job_fork, COUNT(100)));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 11);
    assert_true(used(0).pids_refused >= 1);
    assert_true(empty_soon(0));
}

static void the_same_forks_are_had_with_a_higher_limit(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 200};
    int status;

    needs(VIV_CGROUP_PIDS);
    give(0, "a", &limits);
    status = ended(inside(cg, 0, job_fork, COUNT(100)));
    assert_int_equal(WEXITSTATUS(status), 100);
    assert_true(empty_soon(0));
}

static void a_quota_throttles(void **state)
{
    struct viv_cgroup_limits limits = {.cpu_millis = 100};
    struct viv_cgroup_usage u;

    needs(VIV_CGROUP_CPU_QUOTA);
    give(0, "a", &limits);
    assert_int_equal(ended(inside(cg, 0, job_burn, COUNT(1000))), 0);
    u = used(0);
    fprintf(stderr, "a tenth of a processor for 1 s: %.0f ms used, throttled %llu times\n",
            (double)(u.cpu_ns) / 1e6, (unsigned long long)u.throttled_periods);
    assert_true(u.throttled_periods >= 3);
    assert_in_range(u.cpu_ns, 20000000, 250000000);
}

/* Fewer than the two would need, more than either: so only the ceiling over
 * both can have done it, which the worker's own counters tell. */
static void a_tenant_s_ceiling_holds_over_its_workers(void **state)
{
    struct viv_cgroup_limits ceiling = {.memory_bytes = 96 * MIB};
    struct viv_cgroup_limits each = {.memory_bytes = 128 * MIB, .pids = 8};
    struct viv_cgroup_usage u;
    int status;

    needs(VIV_CGROUP_MEMORY);
    works(viv_cgroup_tenant(cg, "b", &ceiling, &error));
    give(1, "b", &each);
    give(2, "b", &each);
    assert_int_equal(ended(inside(cg, 1, job_touch, COUNT(80))), 0);
    status = ended(inside(cg, 2, job_touch, COUNT(110)));
    assert_true(WIFSIGNALED(status));
    u = used(2);
    assert_true(u.oom_kills >= 1);
    assert_int_equal(u.memory_limit_hits, 0);
}

static void a_tenant_s_quota_caps_its_workers(void **state)
{
    struct viv_cgroup_limits ceiling = {.cpu_millis = 200}, each = {.cpu_millis = 1500};
    double began;
    pid_t one, two;

    needs(VIV_CGROUP_CPU_QUOTA);
    works(viv_cgroup_tenant(cg, "c", &ceiling, &error));
    give(1, "c", &each);
    give(2, "c", &each);
    began = now_us();
    one = inside(cg, 1, job_burn, COUNT(1000));
    two = inside(cg, 2, job_burn, COUNT(1000));
    ended(one);
    ended(two);
    {
        struct viv_cgroup_usage a = used(1), b = used(2);
        double cpu = (double)(a.cpu_ns + b.cpu_ns) / 1e3;

        fprintf(stderr, "a ceiling of 0.2 processors over two: %.2f used\n",
                cpu / (now_us() - began));
        assert_true(cpu / (now_us() - began) < 0.3);
    }
}

static void killing_leaves_nobody(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 64};
    bool empty = true;

    needs(VIV_CGROUP_PIDS);
    give(0, "a", &limits);
    ended(inside(cg, 0, job_fork, COUNT(30)));
    works(viv_cgroup_empty(cg, 0, &empty, &error));
    assert_false(empty);
    assert_int_equal(viv_cgroup_release(cg, 0, &error), -1);
    assert_int_equal(error.status, VIV_FAILED_PRECONDITION);
    assert_true(empty_soon(0));
    works(viv_cgroup_release(cg, 0, &error));
}

static void a_process_is_moved_from_outside(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 8};
    pid_t pid;

    needs(VIV_CGROUP_PIDS);
    give(0, "a", &limits);
    pid = fork();
    if (pid == 0)
        job_sleep(NULL);
    works(viv_cgroup_attach(cg, 0, pid, &error));
    assert_int_equal(used(0).tasks, 1);
    kill(pid, SIGKILL);
    ended(pid);
    assert_true(empty_soon(0));
}

/* As the zygote: nobody, in a user namespace of its own, with only the
 * descriptors that it was given. */
static int clone_as_nobody(void *unused)
{
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
        unshare(CLONE_NEWUSER) < 0)
        return 240;
    return WEXITSTATUS(ended(inside(cg, 0, job_fork, COUNT(100))));
}

static void a_zygote_without_rights_puts_workers_in(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 12};
    pid_t pid;

    needs(VIV_CGROUP_PIDS);
    if (geteuid() != 0) {
        fprintf(stderr, "SKIPPED: only root can become somebody with fewer rights\n");
        skip();
    }
    give(0, "a", &limits);
    pid = fork();
    if (pid == 0)
        _exit(clone_as_nobody(NULL));
    assert_int_equal(WEXITSTATUS(ended(pid)), 11);
    assert_true(used(0).pids_refused >= 1);
    assert_true(empty_soon(0));
}

/* --- groups that are used again ------------------------------------------- */

/* Of the slot's group: the kernel gives no two of them the same. */
static ino_t which(unsigned slot)
{
    struct viv_cgroup_entrance way;
    struct stat st;

    viv_cgroup_entrance(cg, slot, &way);
    assert_int_equal(fstat(way.directory >= 0 ? way.directory : way.doors[0], &st), 0);
    return st.st_ino;
}

static ino_t used_by(const char *tenant)
{
    struct viv_cgroup_limits limits = {.pids = 8};
    ino_t group;

    give(0, tenant, &limits);
    group = which(0);
    works(viv_cgroup_release(cg, 0, &error));
    return group;
}

/* As many as slots and spare ones there are. */
static void take_every_place(const char *tenant, const char *another)
{
    struct viv_cgroup_limits limits = {.pids = 8};

    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned slot = 0; slot < 4; slot++)
            give(slot, turn ? another : tenant, &limits);
        for (unsigned slot = 0; slot < 4; slot++)
            works(viv_cgroup_release(cg, slot, &error));
    }
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

/* What a supervisor counts on when it shares them out (supervisor/service/acceptor.c). */
static void descriptors_are_those_of_workers(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 8};
    unsigned before;
    char name[8];

    needs(VIV_CGROUP_PIDS);
    before = open_descriptors();
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "y%d", i);
        works(viv_cgroup_tenant(cg, name, &limits, &error));
    }
    assert_true(open_descriptors() <= before);
    give(3, name, &limits);
    assert_true(open_descriptors() <= before + 13);
}

static bool is_open(ino_t file)
{
    struct stat st;

    for (int fd = 3; fd < 1000; fd++)
        if (fstat(fd, &st) == 0 && st.st_ino == file)
            return true;
    return false;
}

/* It has been without a descriptor meanwhile. Where the kernel can't set a peak back
 * (version 2 before Linux 6.12) no group is used twice. */
static void a_group_that_made_room_is_there_again(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 8};
    bool again;
    ino_t last;

    needs(VIV_CGROUP_PIDS);
    last = used_by("d");
    again = used_by("d") == last;
    assert_int_equal(is_open(last), again);
    take_every_place("e", "f");
    assert_false(is_open(last));
    give(0, "d", &limits);
    assert_int_equal(which(0) == last, again);
    assert_int_equal(WEXITSTATUS(ended(inside(cg, 0, job_fork, COUNT(20)))), 7);
    assert_true(empty_soon(0));
    works(viv_cgroup_release(cg, 0, &error));
}

/* The fifth tenant of four gets the group of who was here first (on version 2 one like
 * it), with limits and counters of its own. */
static void a_group_that_changes_hands(void **state)
{
    struct viv_cgroup_limits none = {0}, low = {.memory_bytes = 64 * MIB};
    ino_t groups[8];
    char name[8];

    needs(VIV_CGROUP_MEMORY);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "x%d", i);
        works(viv_cgroup_tenant(cg, name, i < 4 ? &low : &none, &error));
        give(1, name, &none);
        groups[i] = which(1);
        if (i >= 4 && viv_cgroup_mode(cg) != VIV_CGROUP_V2)
            assert_int_equal(groups[i], groups[i - 4]);
        assert_int_equal(ended(inside(cg, 1, job_touch, COUNT(100))), i < 4 ? SIGKILL : 0);
        assert_int_equal(used(1).oom_kills > 0, i < 4);
        assert_true(empty_soon(1));
        works(viv_cgroup_release(cg, 1, &error));
    }
}

/* As an answer that its supervisor still holds. */
static void what_a_tenant_left_is_not_the_next_one_s(void **state)
{
    struct viv_cgroup_limits none = {0}, low = {.memory_bytes = 8 * MIB};
    void *shared = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char name[8];

    needs(VIV_CGROUP_MEMORY);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "z%d", i);
        works(viv_cgroup_tenant(cg, name, i < 4 ? &none : &low, &error));
        give(1, name, &none);
        assert_int_equal(ended(inside(cg, 1, i == 0 ? job_fill : job_nothing, shared)), 0);
        works(viv_cgroup_release(cg, 1, &error));
    }
    munmap(shared, 16 * MIB);
}

static void a_quota_is_lowered_over_who_is_there(void **state)
{
    struct viv_cgroup_limits high = {.cpu_millis = 2000}, low = {.cpu_millis = 200};
    struct viv_cgroup_limits each = {.cpu_millis = 1500};

    needs(VIV_CGROUP_CPU_QUOTA);
    works(viv_cgroup_tenant(cg, "g", &high, &error));
    give(1, "g", &each);
    give(2, "g", &each);
    works(viv_cgroup_release(cg, 2, &error));
    works(viv_cgroup_tenant(cg, "g", &low, &error));
    works(viv_cgroup_mark(cg, 1, &error));
    ended(inside(cg, 1, job_burn, COUNT(1000)));
    assert_true(used(1).cpu_ns < 500000000);
}

static void more_tenants_than_places_take_turns(void **state)
{
    struct viv_cgroup_limits limits = {.pids = 8};
    char name[16];

    needs(VIV_CGROUP_PIDS);
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "../x/%d", i);
        give(3, name, &limits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layers_are_told),
        cmocka_unit_test(too_much_memory_is_an_oom_kill),
        cmocka_unit_test(the_same_memory_is_had_without_a_limit),
        cmocka_unit_test(the_next_execution_starts_at_nothing),
        cmocka_unit_test(a_mark_starts_counters_anew),
        cmocka_unit_test(a_fork_bomb_meets_its_limit),
        cmocka_unit_test(the_same_forks_are_had_with_a_higher_limit),
        cmocka_unit_test(a_quota_throttles),
        cmocka_unit_test(a_tenant_s_ceiling_holds_over_its_workers),
        cmocka_unit_test(a_tenant_s_quota_caps_its_workers),
        cmocka_unit_test(killing_leaves_nobody),
        cmocka_unit_test(a_process_is_moved_from_outside),
        cmocka_unit_test(a_zygote_without_rights_puts_workers_in),
        cmocka_unit_test(a_group_that_made_room_is_there_again),
        cmocka_unit_test(a_group_that_changes_hands),
        cmocka_unit_test(what_a_tenant_left_is_not_the_next_one_s),
        cmocka_unit_test(a_quota_is_lowered_over_who_is_there),
        cmocka_unit_test(more_tenants_than_places_take_turns),
        cmocka_unit_test(descriptors_are_those_of_workers),
    };

    return cmocka_run_group_tests_name("cgroup", tests, begin, finish);
}
