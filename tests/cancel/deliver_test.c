/* Cancels that come from outside, at a time of their own: a thread that knows
 * no Python writes the page and rings, first once and then every 10 ms, as the
 * supervisor does. Blocking calls, C loops, swallowing, asyncio, threads. */
#include <Python.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/cancel_module.h"

static struct viv_control_page page;
static uint64_t seq;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- the supervisor's half ---------------------------------------------- */

static struct {
    pthread_t thread;
    double delay_ms;
    double flag_set_ms;
    atomic_bool stop;
} ringer;

static void sleep_ms(double ms)
{
    struct timespec t = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000};
    nanosleep(&t, NULL);
}

static void *ring(void *arg)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    sleep_ms(ringer.delay_ms);
    strcpy(page.reason, "enough");
    ringer.flag_set_ms = now_ms();
    atomic_store_explicit(&page.cancel_seq, seq, memory_order_release);
    while (!atomic_load(&ringer.stop)) {
        kill(getpid(), VIV_DOORBELL);
        sleep_ms(10);
    }
    return NULL;
}

/* --- one execution ------------------------------------------------------ */

static struct {
    int reached, deferred, left, raised;
} told;

static void on_reached(void *arg)
{
    told.reached++;
}
static void on_deferred(void *arg)
{
    told.deferred++;
}
static void on_left(void *arg)
{
    told.left++;
}
static void on_raised(void *arg)
{
    told.raised++;
}

static const struct viv_cancel_events events = {
    .hook_reached = on_reached,
    .deferred = on_deferred,
    .left_cleanup = on_left,
    .raised = on_raised,
};

struct ran {
    bool cancelled, completed;
    double unwound_ms; /* after the flag was set */
    struct viv_cancel_report report;
    PyObject *globals;
};

static PyObject *new_globals(void)
{
    PyObject *g = PyDict_New();
    PyObject *name = PyUnicode_FromString("__main__");
    PyDict_SetItemString(g, "__builtins__", PyEval_GetBuiltins());
    PyDict_SetItemString(g, "__name__", name);
    Py_DECREF(name);
    return g;
}

static void classify(struct ran *ran, PyObject *value)
{
    ran->completed = value != NULL;
    ran->cancelled = !value && PyErr_ExceptionMatches(viv_cancelled_type());
    if (!ran->completed && !ran->cancelled)
        PyErr_Print();
    PyErr_Clear();
    Py_XDECREF(value);
}

static struct ran run(const char *source, double delay_ms)
{
    struct ran ran = {.globals = new_globals()};
    PyObject *code = Py_CompileString(source, "<guest>", Py_file_input);
    if (!code)
        PyErr_Print();
    assert_non_null(code);
    memset(&told, 0, sizeof(told));
    seq++;
    ringer.delay_ms = delay_ms;
    atomic_store(&ringer.stop, false);
    viv_cancel_begin(&page, seq, &events);
    pthread_create(&ringer.thread, NULL, ring, NULL);
    PyObject *value = PyEval_EvalCode(code, ran.globals, ran.globals);
    ran.unwound_ms = now_ms() - ringer.flag_set_ms;
    viv_cancel_wait_threads(500);
    viv_cancel_end(&ran.report);
    atomic_store(&ringer.stop, true);
    pthread_join(ringer.thread, NULL);
    classify(&ran, value);
    Py_DECREF(code);
    return ran;
}

/* A number that the program left in a global; -1: it did not get there. */
static long left_behind(const struct ran *ran, const char *name)
{
    PyObject *value = PyDict_GetItemString(ran->globals, name);
    return value ? PyLong_AsLong(value) : -1;
}

static void drop(struct ran *ran)
{
    Py_CLEAR(ran->globals);
    PyGC_Collect();
}

/* --- tests --------------------------------------------------------------- */

static const struct {
    const char *name, *source;
    double within_ms; /* on an idle machine */
} blocking[] = {
    {"while True: pass", "while True: pass", 50},
    {"while True in try", "try:\n while True: pass\nfinally:\n x = 1", 50},
    {"sleep", "import time\ntime.sleep(100)", 50},
    {"lock.acquire",
     "import threading\nl = threading.Lock()\nl.acquire()\n"
     "l.acquire()",
     50},
    {"acquire, then try",
     "import threading\nl = threading.Lock()\n"
     "l.acquire()\nl.acquire()\ntry: pass\n"
     "finally: l.release()",
     50},
    {"with lock",
     "import threading\nl = threading.Lock()\nl.acquire()\n"
     "with l: pass",
     80},
    {"with condition",
     "import threading\nl = threading.Condition()\n"
     "import _thread\nm = _thread.allocate_lock()\n"
     "m.acquire()\nl = threading.Condition(m)\n"
     "with l: pass",
     80},
    {"condition.wait",
     "import threading\nl = threading.Condition()\n"
     "with l: l.wait()",
     80},
    {"event.wait", "import threading\nthreading.Event().wait()", 80},
    {"queue.get", "import queue\nqueue.Queue().get()", 80},
    {"join",
     "import threading, time\n"
     "t = threading.Thread(target=time.sleep, args=(0.4,))\n"
     "t.start()\nt.join()",
     80},
    {"socket.recv", "import socket\na, b = socket.socketpair()\na.recv(1)", 50},
    {"accept",
     "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
     "s.accept()",
     50},
    {"select", "import select\nselect.select([], [], [])", 50},
    {"poll", "import select\nselect.poll().poll()", 50},
    {"read of a pipe", "import os\nr, w = os.pipe()\nos.read(r, 1)", 50},
    {"subprocess", "import subprocess\nsubprocess.run(['sleep', '5'])", 800},
    {"regular expression", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", 80},
    {"10 ** 10 ** 8", "10 ** 10 ** 8", 400},
    {"str of a huge integer",
     "import sys\nsys.set_int_max_str_digits(0)\n"
     "str(7 ** 3000000)",
     400},
    {"python recursion",
     "def f(n):\n return f(n - 1) + f(n - 2) if n > 1 "
     "else n\nf(60)",
     50},
    {"generator", "sum(i for i in iter(int, 1))", 50},
    {"sort key", "sorted(range(10 ** 6), key=lambda x: [0] * 200 and x)", 300},
    {"map of a C function", "any(map(bool, iter(int, 1)))", -1},
    {"asyncio.sleep", "import asyncio\nasyncio.run(asyncio.sleep(100))", 80},
    {"asyncio busy",
     "import asyncio\nasync def f():\n while True:\n"
     "  await asyncio.sleep(0)\nasyncio.run(f())",
     80},
    {"asyncio hog",
     "import asyncio\nasync def f():\n while True: pass\n"
     "asyncio.run(f())",
     200},
    {"asyncio blocked",
     "import asyncio, time\nasync def f():\n"
     " time.sleep(100)\nasyncio.run(f())",
     120},
};

static void test_blocking(void **state)
{
    for (size_t i = 0; i < sizeof(blocking) / sizeof(*blocking); i++) {
        if (blocking[i].within_ms < 0)
            continue; /* documented: it never polls */
        struct ran ran = run(blocking[i].source, 60);
        printf("    %-24s unwound after %7.2f ms, raised %u times%s\n", blocking[i].name,
               ran.unwound_ms, ran.report.raise_count, ran.cancelled ? "" : "  NOT CANCELLED");
        assert_true(ran.cancelled);
        assert_false(ran.report.undelivered);
        assert_int_equal(told.raised, 1);
        assert_true(ran.unwound_ms < 4 * blocking[i].within_ms);
        drop(&ran);
    }
}

/* Programs that swallow a few times. Left alone, each would run for seconds. */
static const char *const swallowing[] = {
    "n = 0\nwhile n < 3:\n try:\n  while True: pass\n"
    " except KeyboardInterrupt: n += 1\nwhile True: pass",
    "n = 0\nwhile n < 3:\n try:\n  while True: pass\n"
    " except BaseException as e: n += 1\nwhile True: pass",
    "kept = []\nn = 0\nwhile n < 2:\n try:\n  while True: pass\n"
    " except BaseException as e:\n  kept.append(e)\n  n += 1\n"
    "while True: pass",
    "import contextlib, time\nn = 0\nwhile n < 3:\n n += 1\n"
    " with contextlib.suppress(BaseException):\n  time.sleep(100)\n"
    "while True: pass",
    "n = 3\nclass D:\n def __del__(self):\n  while True: pass\n"
    "D()\nwhile True: pass",
    "n = 3\nimport weakref\nclass D: pass\nd = D()\ndef f(r):\n"
    " while True: pass\nr = weakref.ref(d, f)\ndel d\nwhile True: pass",
    "n = 3\nwhile True:\n try: int('x')\n except ValueError: pass",
    "n = 3\nwhile True:\n try: [].remove('x' * 100)\n"
    " except ValueError: pass\n",
    "n = 3\ndef g():\n while True:\n  try: yield 1\n"
    "  except GeneratorExit: raise\n  except BaseException: return\n"
    "x = g()\nfor i in x: pass\nwhile True: pass",
    "n = 3\nimport sys\nsys.settrace(lambda *a: None)\nwhile True: pass",
    "n = 3\nimport sys\ndef t(*a):\n return t\nsys.settrace(t)\n"
    "def f():\n while True: pass\nf()",
    "n = 3\nimport sys\ndef t(*a):\n while True: pass\n"
    "sys.settrace(t)\ndef f(): pass\nf()\nsys.settrace(None)\n"
    "while True: pass",
    "n = 3\nimport sys\nsys.setprofile(lambda *a: None)\nwhile True: len('')",
    "n = 3\nimport sys\nwhile True: sys.settrace(None)",
};

static void test_swallowing(void **state)
{
    for (size_t i = 0; i < sizeof(swallowing) / sizeof(*swallowing); i++) {
        struct ran ran = run(swallowing[i], 60);
        printf("    program %zu: raised %u times, %.1f ms\n", i, ran.report.raise_count,
               ran.unwound_ms);
        assert_true(ran.cancelled);
        assert_true(left_behind(&ran, "n") >= 2);
        assert_true(ran.unwound_ms < 1000);
        PyRun_SimpleString("import sys; sys.settrace(None);"
                           "sys.setprofile(None)");
        drop(&ran);
    }
}

/* Each sets `whole` at the end of a cleanup that takes 0.2 s, and `after` if
 * anything ran after it. */
static const char *const cleaning[] = {
    "import time\nwhole = after = 0\ntry:\n pass\nfinally:\n"
    " time.sleep(0.2)\n whole = 1\nafter = 1",
    "import time\nwhole = after = 0\ndef f():\n global whole\n try:\n"
    "  return 1\n finally:\n  time.sleep(0.2)\n  whole = 1\nf()\nafter = 1",
    "import time\nwhole = after = 0\nclass C:\n def __enter__(self):\n"
    "  global whole\n  time.sleep(0.2)\n  whole = 1\n"
    " def __exit__(self, *a): pass\nwith C():\n after = 1",
    "import time\nwhole = after = 0\nclass C:\n def __enter__(self): pass\n"
    " def __exit__(self, *a):\n  global whole\n  time.sleep(0.2)\n"
    "  whole = 1\nwith C(): pass\nafter = 1",
    "import time\nwhole = after = 0\ndef slow():\n"
    " t = time.monotonic()\n while time.monotonic() < t + 0.2: pass\n"
    "try: pass\nfinally:\n slow()\n slow()\n whole = 1\nafter = 1",
    "import contextlib, time\nwhole = after = 0\n@contextlib.contextmanager\n"
    "def c():\n global whole\n try: yield\n finally:\n  time.sleep(0.2)\n"
    "  whole = 1\nwith c(): pass\nafter = 1",
    "import time\nwhole = after = 0\ndef g():\n global whole\n try: yield 1\n"
    " finally:\n  time.sleep(0.2)\n  whole = 1\n"
    "x = g()\nnext(x)\nx.close()\nafter = 1",
    "import asyncio\nwhole = after = 0\nasync def other():\n global whole\n"
    " try: pass\n finally:\n  await asyncio.sleep(0.2)\n  whole = 1\n"
    "async def main():\n global after\n t = asyncio.create_task(other())\n"
    " await asyncio.sleep(1)\n after = 1\nasyncio.run(main())",
    "import asyncio\nwhole = after = 0\nclass C:\n"
    " async def __aenter__(self): pass\n async def __aexit__(self, *a):\n"
    "  global whole\n  await asyncio.sleep(0.2)\n  whole = 1\n"
    "async def main():\n global after\n async with C():\n"
    "  await asyncio.sleep(0.01)\n await asyncio.sleep(1)\n after = 1\n"
    "asyncio.run(main())",
    "import asyncio\nwhole = after = 0\nasync def main():\n global whole, after\n"
    " try:\n  await asyncio.sleep(10)\n  after = 1\n finally:\n"
    "  await asyncio.sleep(0.2)\n  whole = 1\nasyncio.run(main())",
};

static void test_cleanup_is_whole(void **state)
{
    for (size_t i = 0; i < sizeof(cleaning) / sizeof(*cleaning); i++) {
        struct ran ran = run(cleaning[i], 60);
        printf("    program %zu: deferred %.1f ms, unwound %.1f ms\n", i,
               (double)ran.report.cleanup_deferred_ns / 1e6, ran.unwound_ms);
        assert_true(ran.cancelled);
        assert_int_equal(left_behind(&ran, "whole"), 1);
        assert_int_equal(left_behind(&ran, "after"), 0);
        drop(&ran);
    }
}

static void test_events_are_told_once(void **state)
{
    struct ran ran = run(cleaning[4], 60);
    assert_int_equal(told.reached, 1);
    assert_int_equal(told.deferred, 1);
    assert_int_equal(told.left, 1);
    assert_int_equal(told.raised, 1);
    assert_true(ran.report.hook_reached_ns < ran.report.raised_ns);
    assert_true(ran.report.cleanup_deferred_ns > 100000000);
    drop(&ran);
}

/* Threads in bytecode are cancelled, with their cleanup; `ends` counts it. */
static void test_threads(void **state)
{
    struct ran ran = run("import threading, time\n"
                         "threading.excepthook = lambda args: kinds.append(args.exc_type)\n"
                         "kinds = []\nends = 0\nlock = threading.Lock()\n"
                         "def work():\n"
                         " global ends\n"
                         " try:\n"
                         "  while True: pass\n"
                         " finally:\n"
                         "  t = time.monotonic()\n"
                         "  while time.monotonic() < t + 0.1: pass\n"
                         "  with lock: ends += 1\n"
                         "threads = [threading.Thread(target=work) for i in range(4)]\n"
                         "for t in threads: t.start()\n"
                         "try:\n time.sleep(100)\n"
                         "finally:\n for t in threads: t.join()\n",
                         500);
    assert_true(ran.cancelled);
    assert_int_equal(left_behind(&ran, "ends"), 4);
    assert_int_equal(PyList_GET_SIZE(PyDict_GetItemString(ran.globals, "kinds")), 4);
    assert_int_equal(ran.report.raise_count, 5);
    drop(&ran);
}

/* Nobody joins them, and the main thread is gone first. */
static void test_threads_left_alone(void **state)
{
    struct ran ran = run("import threading\nends = 0\n"
                         "threading.excepthook = lambda args: None\n"
                         "def work():\n global ends\n try:\n"
                         "  while True: pass\n finally: ends += 1\n"
                         "for i in range(3):\n"
                         " threading.Thread(target=work).start()\n"
                         "while True: pass\n",
                         300);
    assert_true(ran.cancelled);
    assert_int_equal(left_behind(&ran, "ends"), 3);
    PyRun_SimpleString("import threading\n"
                       "assert threading.active_count() == 1");
    drop(&ran);
}

static void test_reason_and_type(void **state)
{
    struct ran ran = run("import vivarium\nn = 0\ntry:\n while True: pass\n"
                         "except vivarium.Cancelled as e:\n"
                         " assert e.reason == 'enough', e.reason\n"
                         " assert isinstance(e, KeyboardInterrupt)\n"
                         " assert str(e) == 'enough'\n n = 1\n raise\n",
                         60);
    assert_true(ran.cancelled);
    assert_int_equal(left_behind(&ran, "n"), 1);
    drop(&ran);
}

/* A cancel of another number hits nobody, and one that came first is not lost. */
static void test_sequence_numbers(void **state)
{
    struct viv_cancel_report report;
    PyObject *g = new_globals();
    PyObject *loop = Py_CompileString("for i in range(10 ** 6): pass", "<x>", Py_file_input);
    atomic_store(&page.cancel_seq, seq);
    viv_cancel_begin(&page, ++seq, NULL);
    viv_cancel_ring();
    PyObject *value = PyEval_EvalCode(loop, g, g);
    viv_cancel_end(&report);
    assert_non_null(value);
    assert_false(report.requested);
    atomic_store(&page.cancel_seq, ++seq);
    viv_cancel_begin(&page, seq, NULL);
    value = PyEval_EvalCode(loop, g, g);
    viv_cancel_end(&report);
    assert_null(value);
    assert_true(PyErr_ExceptionMatches(viv_cancelled_type()));
    PyErr_Clear();
    /* After the end nothing of it is left. */
    viv_cancel_ring();
    assert_int_equal(PyRun_SimpleString("for i in range(10 ** 5): pass"), 0);
    Py_DECREF(loop);
    Py_DECREF(g);
}

/* The user's own SIGINT handler and tracer go on working. */
static void test_user_handlers_stay(void **state)
{
    struct ran ran = run("import signal, sys, os\nseen = 0\nlines = 0\n"
                         "def h(*a):\n global seen\n seen += 1\n"
                         "signal.signal(signal.SIGINT, h)\n"
                         "os.kill(os.getpid(), signal.SIGINT)\n"
                         "def t(*a):\n global lines\n lines += 1\n return t\n"
                         "sys.settrace(t)\n"
                         "def f():\n try:\n  while True: pass\n"
                         " except KeyboardInterrupt: pass\n"
                         "f()\nlines = 0\ndef g():\n return 1\n"
                         "try: g()\nfinally: n = lines\nwhile True: pass\n",
                         60);
    assert_true(ran.cancelled);
    assert_int_equal(left_behind(&ran, "seen"), 1);
    assert_true(left_behind(&ran, "n") > 0);
    PyRun_SimpleString("import sys, signal; sys.settrace(None);"
                       "signal.signal(signal.SIGINT, signal.default_int_handler)");
    drop(&ran);
}

/* An import that is cancelled can be done again, and again. */
static void test_imports(void **state)
{
    int cancelled = 0;
    for (int i = 0; i < 40; i++) {
        struct ran ran = run("import sys\n"
                             "for name in list(sys.modules):\n"
                             " if name.split('.')[0] in ('xml', 'email',"
                             " 'http', 'json', 'urllib'):\n"
                             "  del sys.modules[name]\n"
                             "import xml.dom.minidom, email.message, json\n"
                             "import http.client, urllib.request\n"
                             "email.message.Message, json.dumps\n"
                             "urllib.request.urlopen, http.client.OK\n",
                             i % 20);
        cancelled += ran.cancelled;
        assert_true(ran.cancelled || ran.completed);
        drop(&ran);
    }
    printf("    40 imports, %d cancelled\n", cancelled);
    assert_true(cancelled > 0);
}

/* What 3.11 has no answer to: only the kill helps. It must not crash. */
static void test_hijacked_doorbell(void **state)
{
    struct ran ran = run("import signal, time\n"
                         "signal.signal(signal.SIGURG, lambda *a: None)\n"
                         "t = time.monotonic()\n"
                         "while time.monotonic() < t + 0.3: pass\n",
                         60);
    assert_true(ran.completed);
    assert_true(ran.report.undelivered);
    drop(&ran);
    ran = run("import signal, time\n"
              "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG])\n"
              "t = time.monotonic()\n"
              "while time.monotonic() < t + 0.3: pass\n",
              60);
    assert_true(ran.completed || ran.cancelled);
    PyRun_SimpleString("import signal; signal.pthread_sigmask("
                       "signal.SIG_UNBLOCK, [signal.SIGURG])");
    drop(&ran);
    assert_int_equal(viv_cancel_setup(), 0);
    ran = run("while True: pass", 60);
    assert_true(ran.cancelled);
    drop(&ran);
}

static void test_steps(void **state)
{
    struct viv_cancel_report report;
    uint64_t counts[2];
    for (int i = 0; i < 2; i++) {
        PyObject *g = new_globals();
        PyObject *code = Py_CompileString("for i in range(1000): i + 1", "<x>", Py_file_input);
        viv_cancel_begin(&page, ++seq, NULL);
        viv_cancel_count_steps(0, NULL, NULL);
        Py_XDECREF(PyEval_EvalCode(code, g, g));
        viv_cancel_end(&report);
        counts[i] = viv_cancel_steps();
        Py_DECREF(code);
        Py_DECREF(g);
    }
    assert_true(counts[0] > 5000 && counts[0] < 10000);
    assert_int_equal(counts[0], counts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking),
        cmocka_unit_test(test_swallowing),
        cmocka_unit_test(test_cleanup_is_whole),
        cmocka_unit_test(test_events_are_told_once),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_threads_left_alone),
        cmocka_unit_test(test_reason_and_type),
        cmocka_unit_test(test_sequence_numbers),
        cmocka_unit_test(test_user_handlers_stay),
        cmocka_unit_test(test_imports),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_hijacked_doorbell),
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    Py_Initialize();
    /* What the programs import is no part of their times. */
    PyRun_SimpleString("import asyncio, contextlib, queue, re, select, signal,"
                       "socket, subprocess, threading, weakref");
    if (viv_cancel_setup() != 0) {
        PyErr_Print();
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
