/* What a run does, how it ends, and what is told of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tests/worker/group.h"

/* --- ends ---------------------------------------------------------------- */

/* No answer, but what init says of the VM's end. */
static void assert_dies(const char *code, int sig)
{
    struct run run;

    group_execute(code, &run);
    assert_null(run.result);
    assert_true(run.vm_ended);
    assert_true(WIFSIGNALED(run.vm_status));
    assert_int_equal(WTERMSIG(run.vm_status), sig);
    assert_string_equal(run.out, "before\n");
    run_free(&run);
}

static void test_crashes(void **state)
{
    group_need_processes();
    assert_dies("print('before'); import os; os.abort()", SIGABRT);
    assert_dies("print('before'); import os; os.kill(os.getpid(), 9)", SIGKILL);
    assert_dies("print('before'); import os; os.kill(os.getpid(), 15)", SIGTERM);
    assert_dies("print('before'); import os; os.kill(0, 9)", SIGKILL);
    assert_dies("print('before'); import ctypes; ctypes.string_at(0)", SIGSEGV);
}

static void test_exit_at_once(void **state)
{
    struct run run;

    group_execute("print('before'); import os; os._exit(7)", &run);
    assert_null(run.result);
    assert_true(run.vm_ended);
    assert_true(WIFEXITED(run.vm_status));
    assert_int_equal(WEXITSTATUS(run.vm_status), 7);
    run_free(&run);
}

static const struct {
    const char *code;
    unsigned status;
    const char *err;
} exits[] = {
    {"import sys; sys.exit()", 0, ""},
    {"import sys; sys.exit(3)", 3, ""},
    {"raise SystemExit(256 + 5)", 5, ""},
    {"raise SystemExit(-1)", 255, ""},
    {"raise SystemExit('why')", 1, "why\n"},
    {"raise SystemExit(None)", 0, ""},
    {"exit(4)", 4, ""},
    {"raise SystemExit(2**100)", 255, ""},
    {"raise SystemExit([1])", 1, "[1]\n"},
    {"raise SystemExit(True)", 1, ""},
};

static void test_exits(void **state)
{
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        struct run run;

        group_execute(exits[i].code, &run);
        assert_non_null(run.result);
        assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
        assert_true(run.result->exited);
        assert_int_equal(run.result->exit_status, exits[i].status);
        assert_string_equal(run.err, exits[i].err);
        assert_null(run.answer->error);
        run_free(&run);
    }
}

/* As python3 ends a script: threads, then atexit, then the streams. */
static void test_what_is_left_to_do(void **state)
{
    struct run run;

    group_execute("import atexit, threading, time\n"
                  "atexit.register(print, 'atexit')\n"
                  "def work():\n"
                  "    time.sleep(0.1)\n"
                  "    print('thread', end=' ')\n"
                  "threading.Thread(target=work).start()\n"
                  "threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
                  "print('main', end=' ')\n"
                  "1/0\n",
                  &run);
    assert_string_equal(run.out, "main thread atexit\n");
    assert_string_equal(run.answer->error->type, "ZeroDivisionError");
    run_free(&run);
}

/* Whatever a signal's handler raises while threads are waited for. */
static void test_exit_functions_run_when_the_wait_is_cut(void **state)
{
    struct run run;

    group_execute("import atexit, signal, threading, time\n"
                  "def ring(*unused): raise RuntimeError('ring')\n"
                  "signal.signal(signal.SIGALRM, ring)\n"
                  "atexit.register(print, 'atexit')\n"
                  "threading.Thread(target=time.sleep, args=(1,)).start()\n"
                  "signal.setitimer(signal.ITIMER_REAL, 0.2)\n",
                  &run);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_string_equal(run.out, "atexit\n");
    assert_non_null(strstr(run.err, "Exception ignored in: <module 'threading' from "
                                    "'/usr/lib/python3.11/threading.py'>\nTraceback "));
    assert_non_null(strstr(run.err, "RuntimeError: ring\n"));
    run_free(&run);
}

static void test_excepthook(void **state)
{
    struct run run;

    group_execute("import sys\nsys.excepthook = lambda t, v, b: print('hook', v)\n1/0", &run);
    assert_string_equal(run.out, "hook division by zero\n");
    assert_string_equal(run.answer->error->type, "ZeroDivisionError");
    run_free(&run);
}

/* What objects do when they end is the run's, and can be cancelled with it. */
static void test_finalizers(void **state)
{
    struct run run;

    group_execute("class F:\n    def __del__(self): print('gone')\n    def __repr__(self): return "
                  "'F'\nF()",
                  &run);
    assert_string_equal(run.out, "gone\n");
    assert_string_equal(run.answer->result_repr, "F");
    run_free(&run);
}

/* What the code used, without what the worker had used before it. */
static void test_usage(void **state)
{
    struct run run;

    group_execute(
        "import time\nt = time.process_time()\nwhile time.process_time() < t + 0.2: pass\n"
        "b = b'x' * (100 << 20)",
        &run);
    assert_in_range(run.result->user_cpu_ns + run.result->system_cpu_ns, 200000000, 2000000000);
    assert_in_range(run.result->peak_rss_bytes, 100 << 20, 200 << 20);
    run_free(&run);
}

static pid_t pid_of(const struct worker *worker)
{
    char path[64], line[128];
    FILE *info;
    int pid = 0;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", worker->vm);
    info = fopen(path, "re");
    assert_non_null(info);
    while (fgets(line, sizeof(line), info))
        sscanf(line, "Pid: %d", &pid);
    fclose(info);
    return pid;
}

static int64_t clock_of(pid_t pid)
{
    struct timespec ts = {0};
    clockid_t clock;

    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &ts), 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int count_threads(pid_t pid)
{
    char path[64], line[128];
    FILE *status;
    int count = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    status = fopen(path, "re");
    assert_non_null(status);
    while (fgets(line, sizeof(line), status))
        sscanf(line, "Threads: %d", &count);
    fclose(status);
    return count;
}

/* What a thread uses between two runs is nobody's, and least of all the next's. */
static void test_usage_of_a_thread_between_runs(void **state)
{
    static const struct order
        first = {.code = "import hashlib, threading, time\n"
                         "hash = hashlib.pbkdf2_hmac, ('sha256', b'', b'', 1000000)\n"
                         "threading.Thread(target=hash[0], args=hash[1]).start()\n"
                         "time.sleep(0.05)", /* it is in C now, without the GIL */
                 .keep = true},
        second = {.code = "pass", .keep = true};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &first, &run);
    assert_non_null(run.result);
    run_free(&run);
    while (count_threads(pid_of(&worker)) > 1)
        usleep(10000);
    assert_true(clock_of(pid_of(&worker)) > 200000000);
    rig_run(&worker, &second, &run);
    assert_non_null(run.result);
    assert_in_range(run.result->user_cpu_ns + run.result->system_cpu_ns, 0, 100000000);
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

/* It takes a turn every 10 ms; while the main thread only waits for its lock, none. */
static void test_threads_go_on_between_runs(void **state)
{
    static const struct order first = {.code = "import threading, time\n"
                                               "turns = 0\n"
                                               "def work():\n"
                                               "    global turns\n"
                                               "    while True:\n"
                                               "        turns += 1\n"
                                               "        time.sleep(0.01)\n"
                                               "threading.Thread(target=work, daemon=True).start()",
                                       .keep = true},
                              second = {.code = "turns", .keep = true};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &first, &run);
    run_free(&run);
    usleep(1000000);
    rig_run(&worker, &second, &run);
    assert_in_range(strtol(run.answer->result_repr, NULL, 10), 10, 1000);
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

/* User code that breaks whatever it can reach of ours. */
static void test_sabotage(void **state)
{
    static const char *const codes[] = {
        "import sys; sys.modules.clear(); 1/0",
        "import sys; sys.stdout = sys.stderr = None; 1/0",
        "import sys; del sys.stdout, sys.stderr, sys.path, sys.excepthook; 1/0",
        "import sys; sys.stdout.close(); sys.stderr.close(); 1/0",
        "import sys; sys.stdout.detach(); 1/0",
        "import builtins; builtins.__dict__.clear(); 1/0",
        "import io; io.open = None; io.StringIO = None; 1/0",
        "import threading; threading._shutdown = None; 1/0",
        "import linecache; linecache.cache = None; 1/0",
        "import os; os.close(0); os.close(1); os.close(2); 1/0",
        "import sys; sys.setrecursionlimit(5); 1/0",
        "import gc; gc.disable(); gc.freeze(); 1/0",
        "import os; os.chdir('/proc'); 1/0",
        "import sys; sys.settrace(lambda *a: 1/0); 1/0",
        "globals().clear(); 1/0",
        "import vivarium, sys; vivarium.__dict__.clear(); sys.modules.pop('vivarium'); 1/0",
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct run run;

        group_execute(codes[i], &run);
        if (!run.result)
            fail_msg("%s: no answer, status %#x, stderr %s", codes[i], run.vm_status, run.err);
        else if (!run.answer->error || strcmp(run.answer->error->type, "ZeroDivisionError") != 0)
            fail_msg("%s: %s", codes[i],
                     run.answer->error ? run.answer->error->type : "no exception");
        run_free(&run);
    }
}

/* --- output and input ---------------------------------------------------- */

static void test_output(void **state)
{
    struct run run;

    group_execute("import os, sys, ctypes\n"
                  "print('no newline', end='', flush=True)\n"
                  "os.write(1, b' \\xff')\n"
                  "ctypes.CDLL(None).printf(b' from C')\n"
                  "sys.stderr.write('err')\n",
                  &run);
    assert_int_equal(run.out_len, strlen("no newline \xff from C"));
    assert_memory_equal(run.out, "no newline \xff from C", run.out_len);
    assert_string_equal(run.err, "err");
    run_free(&run);
}

/* As one does that a signal's handler has interrupted. */
static void test_a_flush_that_fails_is_tried_again(void **state)
{
    struct run run;

    group_execute("import os, sys\n"
                  "class Stream:\n"
                  "    flushed = 0\n"
                  "    def flush(self):\n"
                  "        self.flushed += 1\n"
                  "        os.write(1, b'flush %d\\n' % self.flushed)\n"
                  "        if self.flushed == 1: raise OSError\n"
                  "sys.stderr = Stream()\n",
                  &run);
    assert_string_equal(run.out, "flush 1\nflush 2\n");
    run_free(&run);
}

static void test_large_output(void **state)
{
    struct run run;

    group_execute("import sys\nfor i in range(200000): print(i, end=' ')\n"
                  "sys.stdout.write('x' * (8 << 20))\nprint('end')",
                  &run);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_int_equal(run.out_len, 1288890 + (8 << 20) + 4);
    assert_string_equal(run.out + run.out_len - 5, "xend\n");
    run_free(&run);
}

/* Seen while the script sleeps: only its start, or the end comes with it. */
static void test_output_is_live(void **state)
{
    const struct order order = {
        .code = "import time\nfor i in range(100): print('.', end='')\ntime.sleep(60)",
        .patience_ms = 1000};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &order, &run);
    rig_reap(&rig, &worker, false);
    assert_null(run.result);
    assert_int_equal(run.out_len, 100);
    run_free(&run);
}

/* Both processes of a fork come to the end of the script: one answers, the
 * other ends as python3 would, and neither writes what the other had to. */
static void test_fork(void **state)
{
    struct run run;

    group_need_processes();

    group_execute("import os\nfor i in range(1000): print('a', end='')\n"
                  "pid = os.fork()\n"
                  "if pid == 0:\n    print('b', end='')\n    1/0\n"
                  "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
                  "print('c', end='')\nstatus",
                  &run);
    assert_int_equal(run.result_count, 1);
    assert_string_equal(run.answer->result_repr, "1");
    assert_int_equal(run.out_len, 1002);
    assert_string_equal(run.err, "Traceback (most recent call last):\n"
                                 "  File \"<execution>\", line 6, in <module>\n"
                                 "    1/0\n    ~^~\n"
                                 "ZeroDivisionError: division by zero\n");
    run_free(&run);
}

static void test_input(void **state)
{
    struct order order = {.code = "import sys; sys.stdin.read()"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->result_repr, "''");
    run_free(&run);
    order.code = "input(), input()";
    order.in = "one\ntwo\n";
    order.in_len = 8;
    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->result_repr, "('one', 'two')");
    run_free(&run);
}

static void test_large_code(void **state)
{
    size_t len = 10 << 20;
    char *code = malloc(len + 32);
    struct order order = {.code = code, .patience_ms = 60000};
    struct run run;

    assert_non_null(code);
    for (size_t i = 0; i < len; i += 128)
        sprintf(code + i, "x = '%0121d'\n", 5);
    strcpy(code + len, "int(x) + 1");
    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_string_equal(run.answer->result_repr, "6");
    run_free(&run);
    free(code);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_exit_at_once),
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_what_is_left_to_do),
        cmocka_unit_test(test_exit_functions_run_when_the_wait_is_cut),
        cmocka_unit_test(test_excepthook),
        cmocka_unit_test(test_finalizers),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_usage_of_a_thread_between_runs),
        cmocka_unit_test(test_threads_go_on_between_runs),
        cmocka_unit_test(test_sabotage),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_a_flush_that_fails_is_tried_again),
        cmocka_unit_test(test_large_output),
        cmocka_unit_test(test_output_is_live),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_large_code),
    };

    group_find_worker(argc, argv);
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
