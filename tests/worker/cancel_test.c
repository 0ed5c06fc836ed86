/* Cancels, as the worker lives through them. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/worker/rig.h"

static struct rig rig;

static void assert_cancelled(const char *code)
{
    const struct order order = {.code = code, .cancel_after_ms = 100, .reason = "enough"};
    struct run run;

    rig_execute(&rig, &order, &run);
    if (!run.result || run.result->end != VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED) {
        fail_msg("%s: was not cancelled", code);
        return;
    }
    assert_string_equal(run.answer->error->type, "vivarium.Cancelled");
    assert_string_equal(run.answer->error->message, "enough");
    assert_true(run.result->raise_count >= 1);
    assert_true(run.result->raised_ns >= run.result->hook_reached_ns);
    assert_true(run.note_count >= 2);
    assert_int_equal(run.notes[0], VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_HOOK_REACHED);
    run_free(&run);
}

static void test_cancel(void **state)
{
    assert_cancelled("while True: pass");
    assert_cancelled("import time; time.sleep(100)");
    assert_cancelled("import threading; threading.Lock().acquire() and threading.Event().wait()");
    assert_cancelled("input_ = open('/dev/zero', 'rb')\nwhile input_.read(1 << 20): pass");
    /* Also what the run does after the last statement, and the repr. */
    assert_cancelled("import threading, time\nt = threading.Thread(target=time.sleep, args=(2,))\n"
                     "t.start()");
    assert_cancelled("class R:\n    def __repr__(self):\n        while True: pass\nR()");
    /* Output that has a reader. */
    assert_cancelled("while True: print('y')");
}

/* The interpreter swallows what a finalizer raises: the run completes, now. */
static void test_cancel_in_finalizer(void **state)
{
    const struct order order = {.code = "class F:\n    def __del__(self):\n        while True: "
                                        "pass\nF()",
                                .cancel_after_ms = 100};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_true(run.result->raise_count >= 1);
    assert_non_null(strstr(run.err, "Exception ignored in: <function F.__del__"));
    run_free(&run);
}

static void test_cancel_too_late(void **state)
{
    const struct order order = {.code = "1", .cancel_after_ms = 1};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    run_free(&run);
}

static void test_steps(void **state)
{
    struct order order = {.code = "while True: pass", .steps = 10000};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_STEPS_EXCEEDED);
    run_free(&run);
}

/* Daemon threads too: python3 would not wait for them, but a cancel lets what
 * cleans up come to its end. */
static void test_threads_clean_up(void **state)
{
    static const char code[] =
        "import threading, time\n"
        "inside = threading.Barrier(3)\n"
        "def work(name):\n"
        "    try:\n"
        "        inside.wait()\n"
        "        while True: pass\n"
        "    finally:\n"
        "        time.sleep(0.2)\n"
        "        print(name + '\\n', end='')\n"
        "threading.Thread(target=work, args=('thread',)).start()\n"
        "threading.Thread(target=work, args=('daemon',), daemon=True).start()\n"
        "try:\n"
        "    inside.wait()\n"
        "    print('inside', flush=True)\n"
        "    while True: time.sleep(0.01)\n"
        "finally:\n"
        "    print('main')\n";
    const struct order order = {.code = code, .cancel_after_ms = 1, .cancel_at = "inside\n"};
    struct run run;

    rig_execute(&rig, &order, &run);
    if (!run.result) {
        print_error("no answer, but status %d: %s", run.vm_status, run.err);
        fail();
        return;
    }
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    if (!strstr(run.out, "main\n") || !strstr(run.out, "thread\n") || !strstr(run.out, "daemon\n"))
        fail_msg("after %.1f ms: %s%s",
                 (double)(run.result->ended_ns - run.result->raised_ns) / 1e6, run.out, run.err);
    run_free(&run);
}

static void test_exit_functions_run_to_their_end(void **state)
{
    static const char code[] = "import atexit, sys, time\n"
                               "def leave():\n"
                               "    time.sleep(0.1)\n"
                               "    print('left')\n"
                               "    sys.stderr.write('right')\n"
                               "atexit.register(leave)\n"
                               "print('in', flush=True)\n"
                               "while True: pass\n";
    const struct order order = {.code = code, .cancel_after_ms = 1, .cancel_at = "in\n"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_string_equal(run.out, "in\nleft\n");
    assert_string_equal(run.err, "right");
    run_free(&run);
}

/* sys.exit() was how the code ended, but not how the program did. */
static void test_a_cancel_behind_exit_is_the_end(void **state)
{
    const struct order order = {
        .code = "import sys, threading, time\n"
                "threading.Thread(target=time.sleep, args=(1,)).start()\n"
                "print('in', flush=True)\n"
                "sys.exit(3)",
        .cancel_after_ms = 100,
        .cancel_at = "in\n",
    };
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_string_equal(run.answer->error->type, "vivarium.Cancelled");
    assert_false(run.result->exited);
    assert_int_equal(run.result->exit_status, 0);
    run_free(&run);
}

/* Four threads write lines that nobody reads before the cancel. */
#define WRITERS                                                                       \
    "import os, sys, threading, time\n"                                               \
    "def write(name):\n"                                                              \
    "    n = 0\n"                                                                     \
    "    while True:\n"                                                               \
    "        sys.stdout.write(f'{name} {n:01000}\\n')\n"                              \
    "        n += 1\n"                                                                \
    "for name in range(1, 5): threading.Thread(target=write, args=(name,)).start()\n" \
    "time.sleep(0.2)\n"

/* Whole lines, and of each thread all up to its last: next[] are the numbers to come. */
static void assert_lines(const char *out, int next[6])
{
    while (*out) {
        int name = out[0] - '0', len = 0, n;

        if (sscanf(out, "%*d %d%n", &n, &len) != 1 || name < 0 || name > 5 || len != 1002 ||
            out[len] != '\n' || n != next[name]) {
            fail_msg("line %.20s...%.20s", out, strlen(out) > 990 ? out + 990 : "");
            return;
        }
        next[name]++;
        out += len + 1;
    }
}

/* A thread waits in a write; neither the main thread's own nor a fork may wait for
 * that in a way that a cancel can't end. */
static void test_output_that_nobody_reads(void **state)
{
    static const char *const codes[] = {
        WRITERS "try: write(0)\nfinally: sys.stdout.write(f'5 {0:01000}\\n')\n",
        WRITERS "try:\n"
                "    if os.fork() == 0: os._exit(0)\n"
                "except OSError: pass\n" /* without a pid namespace */
                "while True: time.sleep(0.01)\n",
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct order order = {
            .code = codes[i], .cancel_after_ms = 500, .behind = true, .patience_ms = 5000};
        int next[6] = {0};
        struct run run;

        rig_execute(&rig, &order, &run);
        if (!run.result)
            fail_msg("no answer, %u notes", run.note_count);
        else
            assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
        assert_lines(run.out, next);
        assert_true(next[1] + next[2] + next[3] + next[4] > 0);
        assert_int_equal(next[5], i == 0); /* it cleaned up */
        run_free(&run);
    }
}

static void assert_reusable(const struct run *run, Vivarium__Internal__RunEnd end)
{
    assert_non_null(run->result);
    assert_int_equal(run->result->end, end);
    assert_true(run->result->reusable);
}

/* What sessions stand on: a cancel leaves the variables, and the next run is
 * untouched by it. */
static void test_a_kept_worker_goes_on_after_a_cancel(void **state)
{
    static const struct order first = {.code = "n = 2\nprint('in', flush=True)\nwhile True: n += 1",
                                       .cancel_after_ms = 1,
                                       .cancel_at = "in\n",
                                       .keep = true};
    static const struct order second = {.code = "print(n > 1); m = n\nm == n", .keep = true};
    static const struct order last = {.code = "m > 1"};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    for (int i = 0; i < 5; i++) {
        rig_run(&worker, &first, &run);
        assert_reusable(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
        run_free(&run);
        rig_run(&worker, &second, &run);
        assert_reusable(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
        assert_string_equal(run.answer->result_repr, "True");
        run_free(&run);
    }
    rig_run(&worker, &last, &run);
    assert_string_equal(run.answer->result_repr, "True");
    assert_true(run.vm_ended);
    run_free(&run);
    rig_reap(&rig, &worker, false);
}

static void test_a_thread_that_can_t_be_reached_uses_the_worker_up(void **state)
{
    static const struct order order = {
        .code = "import threading, time\n"
                "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
                "print('in', flush=True)\n"
                "while True: pass\n",
        .cancel_after_ms = 1,
        .cancel_at = "in\n",
        .keep = true};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &order, &run);
    assert_non_null(run.result);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_false(run.result->reusable);
    run_free(&run);
    rig_reap(&rig, &worker, false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_in_finalizer),
        cmocka_unit_test(test_cancel_too_late),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_threads_clean_up),
        cmocka_unit_test(test_exit_functions_run_to_their_end),
        cmocka_unit_test(test_a_cancel_behind_exit_is_the_end),
        cmocka_unit_test(test_output_that_nobody_reads),
        cmocka_unit_test(test_a_kept_worker_goes_on_after_a_cancel),
        cmocka_unit_test(test_a_thread_that_can_t_be_reached_uses_the_worker_up),
    };
    int failed;

    rig_start(&rig, argv[1], NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_stop(&rig);
    return failed;
}
