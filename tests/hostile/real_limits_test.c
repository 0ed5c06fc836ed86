/* The limits against real code in real workers, with whichever control groups
 * the kernel has: tests/guest runs the same on version 2. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/hostile/limits.h"
#include "tests/unit/test.h"

static struct viv_supervisor *sup;

static int begin(void **state)
{
    struct viv_config config;

    limits_config(&config, 4);
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static struct run *run(const char *code, const struct viv_limits *limits)
{
    struct run *r = limits_run(sup, NULL, code, limits);

    harness_wait(r);
    return r;
}

static void expect(const struct run *r, enum viv_outcome outcome, const char *repr)
{
    if (r->rejected || r->outcome != outcome || (repr && strcmp(r->repr, repr) != 0))
        fail_msg("%s, %s; not %s, %s; %s%s%s", viv_outcome_name(r->outcome), r->repr,
                 viv_outcome_name(outcome), repr ? repr : "", r->death.text, r->receipt.reason,
                 r->error.text);
}

static void run_to(const char *code, const struct viv_limits *limits, enum viv_outcome outcome,
                   const char *repr)
{
    struct run *r = run(code, limits);

    expect(r, outcome, repr);
    harness_free(r);
}

static void wait_output(struct run *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->streamed == 0 && !r->finished && !r->rejected)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void every_layer_is_there(void **state)
{
    struct viv_description d;

    harness_describe(sup, &d);
    for (unsigned i = 0; viv_layer_name(i); i++)
        if (!(d.layers >> i & 1))
            fail_msg("no %s", viv_layer_name(i));
    assert_int_equal(d.absent, 0);
}

/* --- memory -------------------------------------------------------------- */

static void the_peak_is_what_was_allocated(void **state)
{
    static const unsigned sizes[] = {1, 8, 100};

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char code[64];
        struct run *r;

        snprintf(code, sizeof(code), "x = bytearray(%u << 20); del x", sizes[i]);
        r = run(code, NULL);
        expect(r, VIV_OUTCOME_COMPLETED, NULL);
        assert_in_range(r->usage.peak_memory_bytes, sizes[i] * MIB, (sizes[i] + 8) * MIB);
        harness_free(r);
    }
}

static void the_kernel_s_kill_is_told_with_peak_and_limit(void **state)
{
    const struct viv_limits limits = {.memory_bytes = 64 * MIB};
    struct run *r = run("grab(200)", &limits);

    expect(r, VIV_OUTCOME_MEMORY_EXCEEDED, NULL);
    assert_int_equal(r->receipt.cause, VIV_CAUSE_MEMORY);
    assert_int_equal(r->receipt.delivery, VIV_DELIVERY_KILLED);
    assert_true(r->receipt.killed_ns > 0);
    assert_true(r->receipt.processes_killed > 0);
    assert_non_null(strstr(r->receipt.reason, " of 67108864 bytes"));
    assert_in_range(r->usage.peak_memory_bytes, 60 * MIB, 64 * MIB);
    harness_free(r);
}

static void more_than_asked_for_is_had_where_it_is_asked_for(void **state)
{
    const struct viv_limits limits = {.memory_bytes = 256 * MIB};

    run_to("grab(200); 1", &limits, VIV_OUTCOME_COMPLETED, "1");
}

static void above_the_soft_limit_is_a_memory_error(void **state)
{
    static const char *const codes[] = {
        "bytearray(1 << 30)",
        "x = [bytearray(1 << 20) for i in range(900)]",
        "x = ['x' * 1000 + str(i) for i in range(10 ** 6)]",
        "x = [object() for i in range(10 ** 8)]",
        "x = {i: str(i) for i in range(10 ** 8)}",
        "x = list(range(10 ** 8))",
        "x = 'a' * (1 << 30)",
        "libc.malloc(1 << 30) or bytes(1 << 30)",
    };
    const struct viv_limits limits = {.memory_bytes = 48 * MIB};

    for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct run *r = run(codes[i], &limits);

        expect(r, VIV_OUTCOME_MEMORY_EXCEEDED, NULL);
        /* by the code's own exception, not by the kernel */
        if (r->has_receipt || r->body_len == 0)
            fail_msg("%s: %s", codes[i], r->receipt.reason);
        assert_true(r->usage.peak_memory_bytes < 48 * MIB);
        harness_free(r);
    }
}

static void code_may_catch_it_and_go_on(void **state)
{
    static const char code[] = "class N: pass\n"
                               "caught = 0\n"
                               "for i in range(2):\n"
                               "    head = None\n"
                               "    try:\n"
                               "        while True:\n"
                               "            n = N(); n.next = head; n.text = 'x%d' % i; head = n\n"
                               "    except MemoryError:\n"
                               "        n = head = None\n"
                               "        caught += 1\n"
                               "        x = [bytearray(1 << 20) for i in range(10)]; del x\n"
                               "caught";
    const struct viv_limits limits = {.memory_bytes = 48 * MIB};

    run_to(code, &limits, VIV_OUTCOME_COMPLETED, "2");
}

/* Handlers have room, and who goes on asking is refused again and again. */
static void who_keeps_asking_is_refused_and_lives(void **state)
{
    static const char code[] = "kept, refused = [], 0\n"
                               "while refused < 200:\n"
                               "    try: kept.append(bytearray(1 << 20))\n"
                               "    except MemoryError: refused += 1\n"
                               "try: raise ValueError('still works')\n"
                               "except ValueError as e: s = str(e) * 100\n"
                               "30 < len(kept) < 48";
    const struct viv_limits limits = {.memory_bytes = 48 * MIB};

    run_to(code, &limits, VIV_OUTCOME_COMPLETED, "True");
}

static void one_s_own_memory_error_is_one_s_own(void **state)
{
    run_to("raise MemoryError('mine')", NULL, VIV_OUTCOME_RAISED, NULL);
}

/* On version 2 a kill for memory takes the whole group; on version 1 one process
 * of it, and the rest is the code's affair. */
static void a_child_that_takes_too_much(void **state)
{
    static const char code[] = "child = os.fork()\n"
                               "if child == 0:\n"
                               "    grab(200)\n"
                               "    os._exit(0)\n"
                               "os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])";
    const struct viv_limits limits = {.memory_bytes = 64 * MIB};

    if (limits_version2())
        run_to(code, &limits, VIV_OUTCOME_MEMORY_EXCEEDED, NULL);
    else
        run_to(code, &limits, VIV_OUTCOME_COMPLETED, "-9");
    /* and the next one doesn't inherit the count of kills */
    run_to("os.kill(os.getpid(), 9)", &limits, VIV_OUTCOME_WORKER_DIED, NULL);
}

static uint64_t kills(void)
{
    struct viv_stats stats;

    viv_stats(sup, &stats);
    return stats.oom_kills;
}

/* One that is cancelled after it is told of twice: with its answer, and at the end. */
static void a_kill_is_counted_once(void **state)
{
    static const char code[] = "child = os.fork()\n"
                               "if child == 0:\n"
                               "    grab(200)\n"
                               "os.waitpid(child, 0); print('killed')\n";
    const struct viv_limits limits = {.memory_bytes = 64 * MIB};
    uint64_t before = kills(), one;
    char endless[256];
    struct run *r;

    if (limits_version2())
        return; /* there is no after */
    run_to(code, &limits, VIV_OUTCOME_COMPLETED, NULL);
    one = kills() - before;
    assert_true(one > 0);
    snprintf(endless, sizeof(endless), "%swhile True: pass", code);
    r = limits_run(sup, NULL, endless, &limits);
    wait_output(r);
    viv_cancel_ticket(sup, r->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    harness_wait(r);
    expect(r, VIV_OUTCOME_CANCELLED, NULL);
    harness_free(r);
    assert_int_equal(kills() - before, 2 * one);
}

static void a_limit_below_what_a_worker_holds(void **state)
{
    const struct viv_limits limits = {.memory_bytes = 32768};
    struct run *r = run("1", &limits);

    expect(r, VIV_OUTCOME_MEMORY_EXCEEDED, NULL);
    assert_int_equal(r->receipt.cause, VIV_CAUSE_MEMORY);
    harness_free(r);
}

/* --- processes ----------------------------------------------------------- */

static void a_fork_bomb_ends_in_an_os_error(void **state)
{
    static const char code[] = "import time\n"
                               "n = 0\n"
                               "try:\n"
                               "    while True:\n"
                               "        if os.fork() == 0: time.sleep(100); os._exit(0)\n"
                               "        n += 1\n"
                               "except OSError: pass\n"
                               "n";
    const struct viv_limits limits = {.pids = 20};

    run_to(code, &limits, VIV_OUTCOME_COMPLETED, "19");
    run_to("1", NULL, VIV_OUTCOME_COMPLETED, "1");
}

static void a_thread_bomb_ends_in_a_runtime_error(void **state)
{
    static const char code[] =
        "import threading, time\n"
        "n = 0\n"
        "try:\n"
        "    while True:\n"
        "        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
        "        n += 1\n"
        "except RuntimeError: pass\n"
        "n";
    const struct viv_limits limits = {.pids = 20};

    run_to(code, &limits, VIV_OUTCOME_COMPLETED, "19");
}

static void a_bomb_that_never_ends_is_killed_whole(void **state)
{
    static const char code[] = "while True:\n"
                               "    try: os.fork()\n"
                               "    except BaseException: pass\n";
    const struct viv_limits limits = {.pids = 30,
                                      .cpu_time_ns = 60000 * MS,
                                      .wall_time_ns = 300 * MS,
                                      .cancel_grace_ns = 200 * MS};

    run_to(code, &limits, VIV_OUTCOME_WALL_TIME_EXCEEDED, NULL);
    run_to("1", NULL, VIV_OUTCOME_COMPLETED, "1");
}

/* --- CPU time ------------------------------------------------------------ */

static void children_s_cpu_time_counts(void **state)
{
    static const char code[] = "import time\n"
                               "for i in range(2):\n"
                               "    if os.fork() == 0:\n"
                               "        while True: pass\n"
                               "time.sleep(1000)";
    const struct viv_limits limits = {.cpu_time_ns = 300 * MS, .wall_time_ns = 60000 * MS};
    struct run *r = run(code, &limits);

    expect(r, VIV_OUTCOME_CPU_TIME_EXCEEDED, NULL);
    assert_true(r->usage.user_cpu_ns + r->usage.system_cpu_ns >= 300 * MS);
    harness_free(r);
}

static void time_in_the_kernel_is_told_as_such(void **state)
{
    static const char code[] = "with open('/dev/zero', 'rb', 0) as zero:\n"
                               "    for i in range(500): zero.read(1 << 20)";
    struct run *r = run(code, NULL);

    expect(r, VIV_OUTCOME_COMPLETED, NULL);
    assert_true(r->usage.system_cpu_ns > r->usage.user_cpu_ns);
    harness_free(r);
}

/* --- tenants ------------------------------------------------------------- */

static unsigned killed_by_ceiling(struct run *r)
{
    harness_wait(r);
    if (r->outcome != VIV_OUTCOME_MEMORY_EXCEEDED)
        return 0;
    assert_non_null(strstr(r->receipt.reason, "tenant's memory ceiling of 209715200"));
    return 1;
}

/* Another one in its place: two in one group of version 2 don't fit. */
static struct viv_supervisor *instead(const struct viv_config *config)
{
    harness_stop(sup);
    return harness_start(config);
}

static void back(struct viv_supervisor *s)
{
    harness_stop(s);
    begin(NULL);
}

static void set_ceiling(struct viv_supervisor *s, const struct viv_config *config, uint64_t bytes)
{
    struct viv_tenant_config tenants[2];
    struct viv_error err;

    for (int i = 0; i < 2; i++)
        viv_tenant_config_init(&tenants[i], config);
    tenants[1].tenant = "t";
    tenants[1].group_memory_bytes = bytes;
    assert_int_equal(viv_supervisor_set_tenants(s, tenants, 2, &err), 0);
}

/* Each within its own limit, both above the ceiling: one at least is killed, and
 * told that it was the ceiling. */
static void expect_ceiling(uint64_t config_bytes, uint64_t table_bytes)
{
    const struct viv_limits limits = {.memory_bytes = 150 * MIB};
    struct viv_config config;
    struct viv_supervisor *s;
    struct run *first, *second;
    unsigned killed;

    limits_config(&config, 4);
    config.tenant_memory_bytes = config_bytes;
    s = instead(&config);
    if (table_bytes > 0)
        set_ceiling(s, &config, table_bytes);
    first =
        limits_run(s, "t", "import time\ngrab(120); print('has it'); time.sleep(1000)", &limits);
    wait_output(first);
    second = limits_run(s, "t", "grab(120)", &limits);
    killed = killed_by_ceiling(second);
    /* Whom the kernel takes is its choice: of whom the other has outlived it may not
     * have been told yet, so a cancel now could be what is reported. */
    if (killed > 0)
        viv_cancel_ticket(s, first->ticket, VIV_CAUSE_CANCEL_RPC, NULL);
    killed += killed_by_ceiling(first);
    /* the kernel may take the other, too, before the first one's memory is free */
    if (killed < 1)
        fail_msg("%s %s%s; %s %s%s", viv_outcome_name(first->outcome), first->receipt.reason,
                 first->death.text, viv_outcome_name(second->outcome), second->receipt.reason,
                 second->death.text);
    harness_free(first);
    harness_free(second);
    back(s);
}

static void a_tenant_s_ceiling_says_so(void **state)
{
    expect_ceiling(200 * MIB, 0);
}

static void the_table_goes_before_the_configuration(void **state)
{
    expect_ceiling(0, 200 * MIB);
    expect_ceiling(4096 * MIB, 200 * MIB);
}

/* What the table no longer has is lifted from the group that is there. */
static void a_ceiling_that_is_gone_holds_nobody(void **state)
{
    const struct viv_limits limits = {.memory_bytes = 300 * MIB};
    struct viv_config config;
    struct viv_supervisor *s;
    struct run *r;

    limits_config(&config, 2);
    s = instead(&config);
    for (int i = 0; i < 2; i++) {
        set_ceiling(s, &config, i == 0 ? 100 * MIB : 0);
        r = limits_run(s, "t", "grab(150); 1", &limits);
        harness_wait(r);
        expect(r, i == 0 ? VIV_OUTCOME_MEMORY_EXCEEDED : VIV_OUTCOME_COMPLETED, NULL);
        harness_free(r);
    }
    back(s);
}

/* A pool as large as the tenants are many, and one that must make room. */
static void tenants_take_turns_in_a_small_pool(void **state)
{
    struct viv_config config;
    struct viv_supervisor *s;

    limits_config(&config, 2);
    s = instead(&config);
    for (int i = 0; i < 24; i++) {
        char tenant[16];
        struct run *r;

        snprintf(tenant, sizeof(tenant), "t%d", i % 5);
        r = limits_run(s, tenant, "6 * 7", NULL);
        harness_wait(r);
        expect(r, VIV_OUTCOME_COMPLETED, "42");
        harness_free(r);
    }
    back(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_is_there),
        cmocka_unit_test(the_peak_is_what_was_allocated),
        cmocka_unit_test(the_kernel_s_kill_is_told_with_peak_and_limit),
        cmocka_unit_test(more_than_asked_for_is_had_where_it_is_asked_for),
        cmocka_unit_test(above_the_soft_limit_is_a_memory_error),
        cmocka_unit_test(code_may_catch_it_and_go_on),
        cmocka_unit_test(who_keeps_asking_is_refused_and_lives),
        cmocka_unit_test(one_s_own_memory_error_is_one_s_own),
        cmocka_unit_test(a_child_that_takes_too_much),
        cmocka_unit_test(a_kill_is_counted_once),
        cmocka_unit_test(a_limit_below_what_a_worker_holds),
        cmocka_unit_test(a_fork_bomb_ends_in_an_os_error),
        cmocka_unit_test(a_thread_bomb_ends_in_a_runtime_error),
        cmocka_unit_test(a_bomb_that_never_ends_is_killed_whole),
        cmocka_unit_test(children_s_cpu_time_counts),
        cmocka_unit_test(time_in_the_kernel_is_told_as_such),
        cmocka_unit_test(a_tenant_s_ceiling_says_so),
        cmocka_unit_test(the_table_goes_before_the_configuration),
        cmocka_unit_test(a_ceiling_that_is_gone_holds_nobody),
        cmocka_unit_test(tenants_take_turns_in_a_small_pool),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
