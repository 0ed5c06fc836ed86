/* A machine that grants no control groups: the start says so, and where that is
 * allowed, looking stands in. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/hostile/limits.h"
#include "tests/unit/test.h"

static struct viv_supervisor *sup;

/* As in a container that mounts none. An ordinary user has none to write. */
static int hide_control_groups(void)
{
    if (geteuid() != 0)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    return mount("none", "/sys/fs/cgroup", "tmpfs", MS_RDONLY, NULL);
}

static uint64_t groups(void)
{
    static const char *const names[] = {"cgroup_memory", "cgroup_swap", "cgroup_pids",
                                        "cgroup_cpu"};
    uint64_t mask = 0, bit;

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(viv_layer_find(names[i], &bit, NULL), 0);
        mask |= bit;
    }
    return mask;
}

static int begin(void **state)
{
    struct viv_config config;

    if (hide_control_groups() < 0)
        return -1;
    limits_config(&config, 4);
    config.allow_absent = groups();
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void a_missing_layer_stops_the_start(void **state)
{
    struct viv_supervisor *s = NULL;
    struct viv_config config;
    struct viv_error err = {0};

    limits_config(&config, 2);
    assert_int_equal(viv_supervisor_create(&config, &s, &err), -1);
    assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "lacks the layer cgroup_memory ("));
    assert_non_null(strstr(err.text, "To have it: "));
    assert_non_null(strstr(err.text, " --allow-absent cgroup_memory --allow-absent cgroup_swap"
                                     " --allow-absent cgroup_pids --allow-absent cgroup_cpu"));
    /* all but one of them allowed: that one is named */
    assert_int_equal(viv_layer_find("cgroup_pids", &config.allow_absent, NULL), 0);
    config.allow_absent ^= groups();
    assert_int_equal(viv_supervisor_create(&config, &s, &err), -1);
    assert_non_null(strstr(err.text, "lacks the layer cgroup_pids ("));
    assert_null(strstr(err.text, "cgroup_memory"));
}

static void what_is_absent_is_told(void **state)
{
    struct viv_description d;

    harness_describe(sup, &d);
    assert_true((d.absent & groups()) == groups());
    assert_true((d.layers & groups()) == 0);
}

static void expect(const char *tenant, const char *code, uint64_t memory_bytes,
                   enum viv_outcome outcome, const char *reason)
{
    const struct viv_limits limits = {.memory_bytes = memory_bytes};
    struct run *r = limits_run(sup, tenant, code, &limits);

    harness_wait(r);
    if (r->outcome != outcome || (reason && !strstr(r->receipt.reason, reason)))
        fail_msg("%s: %s, %s%s%s", code, viv_outcome_name(r->outcome), r->receipt.reason,
                 r->death.text, r->error.text);
    if (reason) {
        assert_int_equal(r->receipt.cause, VIV_CAUSE_MEMORY);
        assert_int_equal(r->receipt.delivery, VIV_DELIVERY_KILLED);
        assert_true(r->usage.peak_memory_bytes > memory_bytes);
    }
    harness_free(r);
}

static void too_much_memory_is_seen(void **state)
{
    expect(NULL, "import time\ngrab(200)\ntime.sleep(1000)", 64 * MIB, VIV_OUTCOME_MEMORY_EXCEEDED,
           "measured");
}

static void what_children_hold_counts(void **state)
{
    expect(NULL,
           "import time\n"
           "for i in range(3):\n"
           "    if os.fork() == 0: grab(40); time.sleep(1000); os._exit(0)\n"
           "time.sleep(1000)",
           100 * MIB, VIV_OUTCOME_MEMORY_EXCEEDED, "measured");
}

/* Also those of another thread than the main one. */
static void what_a_thread_s_children_hold_counts(void **state)
{
    expect(NULL,
           "import threading, time\n"
           "def run():\n"
           "    if os.fork() == 0: grab(120); time.sleep(1000); os._exit(0)\n"
           "    time.sleep(1000)\n"
           "threading.Thread(target=run).start()\n"
           "time.sleep(1000)",
           100 * MIB, VIV_OUTCOME_MEMORY_EXCEEDED, "measured");
}

static void what_is_shared_counts_once(void **state)
{
    expect(NULL,
           "import time\n"
           "grab(60)\n"
           "children = []\n"
           "for i in range(3):\n"
           "    children.append(os.fork())\n"
           "    if children[-1] == 0: time.sleep(0.5); os._exit(0)\n"
           "for child in children: os.waitpid(child, 0)",
           100 * MIB, VIV_OUTCOME_COMPLETED, NULL);
}

static void a_fork_bomb_meets_an_rlimit(void **state)
{
    const struct viv_limits limits = {.pids = 20};
    struct run *r = limits_run(sup, NULL,
                               "import time\n"
                               "n = 0\n"
                               "try:\n"
                               "    while True:\n"
                               "        if os.fork() == 0: time.sleep(100); os._exit(0)\n"
                               "        n += 1\n"
                               "except OSError: pass\n"
                               "n",
                               &limits);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_COMPLETED);
    assert_string_equal(r->repr, "19");
    harness_free(r);
}

static void the_soft_limit_holds_as_ever(void **state)
{
    expect("a", "bytearray(1 << 30)", 64 * MIB, VIV_OUTCOME_MEMORY_EXCEEDED, NULL);
    expect("b", "try: bytearray(1 << 30)\nexcept MemoryError: pass", 64 * MIB,
           VIV_OUTCOME_COMPLETED, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_layer_stops_the_start),
        cmocka_unit_test(what_is_absent_is_told),
        cmocka_unit_test(too_much_memory_is_seen),
        cmocka_unit_test(what_children_hold_counts),
        cmocka_unit_test(what_a_thread_s_children_hold_counts),
        cmocka_unit_test(what_is_shared_counts_once),
        cmocka_unit_test(a_fork_bomb_meets_an_rlimit),
        cmocka_unit_test(the_soft_limit_holds_as_ever),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
