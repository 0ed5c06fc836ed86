/* Code that is hard to cancel, in real workers: each ends as CANCEL.md says,
 * politely or by SIGKILL, and leaves nothing behind. */
#include <string.h>
#include <time.h>

#include "tests/hostile/harness.h"
#include "tests/unit/test.h"

#define MS INT64_C(1000000)

static struct viv_supervisor *sup;

struct attempt {
    const char *code;
    enum viv_delivery delivery;
};

static int begin(void **state)
{
    struct viv_config config;

    harness_config(&config, NULL);
    config.worker_path = "worker/vivarium-worker";
    config.workers_max = 4;
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static void try_until(const struct viv_limits *limits, const struct attempt *attempts, size_t count)
{
    bool cpu = limits->cpu_time_ns > 0;
    enum viv_outcome outcome = cpu ? VIV_OUTCOME_CPU_TIME_EXCEEDED : VIV_OUTCOME_WALL_TIME_EXCEEDED;
    enum viv_cause cause = cpu ? VIV_CAUSE_CPU_TIME : VIV_CAUSE_WALL_TIME;

    for (size_t i = 0; i < count; i++) {
        struct run *r = harness_submit(sup, NULL, attempts[i].code, limits);

        harness_wait(r);
        if (r->outcome != outcome || r->receipt.cause != cause ||
            r->receipt.delivery != attempts[i].delivery)
            fail_msg("%s: %s, delivery %d", attempts[i].code, viv_outcome_name(r->outcome),
                     r->receipt.delivery);
        if (r->receipt.killed_ns)
            assert_true(r->receipt.killed_ns >= r->receipt.flag_set_ns + 400 * MS);
        harness_free(r);
    }
}

/* The wall limit cancels; the graces are short, so that the killed ones end. */
static void try_all(const struct attempt *attempts, size_t count)
{
    const struct viv_limits limits = {
        .wall_time_ns = 200 * MS, .cancel_grace_ns = 400 * MS, .cleanup_grace_ns = 600 * MS};

    try_until(&limits, attempts, count);
}

#define TRY_ALL(attempts) try_all(attempts, sizeof(attempts) / sizeof((attempts)[0]))

static void what_polls_is_asked(void **state)
{
    static const struct attempt attempts[] = {
        {"while True: pass", VIV_DELIVERY_COOPERATIVE},
        {"import time; time.sleep(100)", VIV_DELIVERY_COOPERATIVE},
        {"import threading; l = threading.Lock(); l.acquire(); l.acquire()",
         VIV_DELIVERY_COOPERATIVE},
        {"import socket; a, b = socket.socketpair(); a.recv(1)", VIV_DELIVERY_COOPERATIVE},
        {"import select, os; r, w = os.pipe(); select.select([r], [], [])",
         VIV_DELIVERY_COOPERATIVE},
        {"import re; re.match('(a+)+$', 'a' * 60 + 'b')", VIV_DELIVERY_COOPERATIVE},
        {"10 ** 10 ** 8", VIV_DELIVERY_COOPERATIVE},
        {"import os, time\nif os.fork() == 0:\n  time.sleep(100)\nos.wait()",
         VIV_DELIVERY_COOPERATIVE},
    };

    TRY_ALL(attempts);
}

static void what_never_polls_is_killed(void **state)
{
    static const struct attempt attempts[] = {
        {"sum(range(10**12))", VIV_DELIVERY_KILLED},
        {"max(iter(int, 1), key=float)", VIV_DELIVERY_KILLED},
        {"any(map(bool, iter(int, 1)))", VIV_DELIVERY_KILLED},
    };
    /* Processor time: a machine that is busy elsewhere doesn't shorten what it
     * takes to get there. */
    const struct viv_limits limits = {
        .wall_time_ns = 300000 * MS, .cpu_time_ns = 500 * MS, .cancel_grace_ns = 400 * MS};

    try_until(&limits, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

/* Whatever they do to the doorbell, they can't do to SIGKILL. */
static void what_disarms_is_killed(void **state)
{
    static const struct attempt attempts[] = {
        {"import signal\nsignal.signal(signal.SIGURG, signal.SIG_IGN)\nwhile True: pass",
         VIV_DELIVERY_KILLED},
        {"import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
         "while True: pass",
         VIV_DELIVERY_KILLED},
        {"while True:\n  try:\n    while True: pass\n  except BaseException:\n    while True: pass",
         VIV_DELIVERY_KILLED},
        {"try: pass\nfinally:\n  while True: pass", VIV_DELIVERY_KILLED},
    };

    TRY_ALL(attempts);
}

/* The scope survives a swallowed cancel no longer than its grace. */
static void what_swallows_gets_it_again(void **state)
{
    static const struct attempt attempts[] = {
        {"while True:\n  try:\n    while True: pass\n  except KeyboardInterrupt: break",
         VIV_DELIVERY_COOPERATIVE},
        {"for i in range(3):\n  try:\n    while True: pass\n  except: pass\nwhile True: pass",
         VIV_DELIVERY_COOPERATIVE},
        {"import contextlib\nwith contextlib.suppress(BaseException):\n  while True: pass\n"
         "while True: pass",
         VIV_DELIVERY_COOPERATIVE},
        {"while True:\n  try: int('x')\n  except ValueError: pass", VIV_DELIVERY_COOPERATIVE},
        {"import sys\nsys.settrace(lambda *a: None)\nwhile True: pass", VIV_DELIVERY_COOPERATIVE},
        {"import sys\nsys.setprofile(lambda *a: None)\nwhile True: pass", VIV_DELIVERY_COOPERATIVE},
        {"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
         VIV_DELIVERY_COOPERATIVE},
    };

    TRY_ALL(attempts);
}

/* Processes that got away from the code's own: gone when the outcome is told. */
static void no_process_outlives_its_outcome(void **state)
{
    static const char code[] = "import os, time\n"
                               "for i in range(5):\n"
                               "  if os.fork() == 0:\n"
                               "    os.setsid()\n"
                               "    if os.fork() == 0:\n"
                               "      while True: time.sleep(100)\n"
                               "    os._exit(0)\n"
                               "while True:\n"
                               "  try:\n"
                               "    while True: time.sleep(1)\n"
                               "  except BaseException:\n"
                               "    while True: pass\n";
    const struct viv_limits limits = {.wall_time_ns = 300 * MS, .cancel_grace_ns = 300 * MS};
    struct run *r = harness_submit(sup, NULL, code, &limits);

    harness_wait(r);
    assert_int_equal(r->receipt.delivery, VIV_DELIVERY_KILLED);
    assert_true(r->receipt.processes_killed >= 6);
    harness_free(r);
}

/* A printer whose reader has stopped, in a session: it blocks in a full pipe, where a
 * cancel finds it nevertheless, and what the session holds is kept. */
static void a_reader_that_stops_costs_no_scope(void **state)
{
    static const char code[] = "while True: print('x' * 1000)";
    const struct viv_request request = {.session_id = "unread",
                                        .execution_id = "unread",
                                        .code = code,
                                        .code_len = sizeof(code) - 1};
    const struct viv_cancel cancel = {.execution_id = "unread", .wait = true};
    struct viv_receipt receipt = {0};
    struct run *opened = harness_open(sup, "unread", VIV_DURABILITY_ON_EVICTION);
    struct run *before, *unread, *after;

    harness_wait(opened);
    before = harness_in(sup, "unread", "kept = 42");
    harness_wait(before);
    unread = harness_request_held(sup, &request);
    harness_wait_held(unread);
    /* So that it blocks. */
    nanosleep(&(struct timespec){.tv_nsec = 100 * MS}, NULL);
    assert_int_equal(harness_cancel(sup, &cancel, &receipt), VIV_CANCEL_FINISHED);
    assert_int_equal(receipt.delivery, VIV_DELIVERY_COOPERATIVE);
    harness_wait(unread);
    assert_true(unread->streamed < unread->stdout_len);
    after = harness_in(sup, "unread", "kept");
    harness_wait(after);
    assert_string_equal(after->repr, "42");
    assert_int_equal(after->restored_from, VIV_RESTORED_FROM_NONE);
    assert_int_equal(harness_close(sup, "unread"), VIV_OK);
    harness_free(opened);
    harness_free(before);
    harness_free(unread);
    harness_free(after);
}

static void a_memory_hog_ends_of_its_memory(void **state)
{
    const struct viv_limits limits = {.wall_time_ns = 100 * MS, .cancel_grace_ns = 100 * MS};
    struct run *r = harness_submit(sup, NULL, "while True: x = [0] * 10**9", &limits);

    harness_wait(r);
    assert_int_equal(r->outcome, VIV_OUTCOME_MEMORY_EXCEEDED);
    harness_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_polls_is_asked),
        cmocka_unit_test(what_never_polls_is_killed),
        cmocka_unit_test(what_disarms_is_killed),
        cmocka_unit_test(what_swallows_gets_it_again),
        cmocka_unit_test(no_process_outlives_its_outcome),
        cmocka_unit_test(a_reader_that_stops_costs_no_scope),
        cmocka_unit_test(a_memory_hog_ends_of_its_memory),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
