/* Everything that may run user code happens between viv_cancel_begin() and
 * viv_cancel_end(): the code itself, what it leaves to be done at the end, its
 * __repr__ and its __str__. What comes after that is C that asks no object
 * anything. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/run.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/vm/cpython/answer.h"
#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/cancel_module.h"
#include "worker/vm/cpython/carry.h"
#include "worker/vm/cpython/compile.h"
#include "worker/vm/cpython/ending.h"
#include "worker/vm/cpython/failure.h"
#include "worker/vm/cpython/memory.h"
#include "worker/vm/cpython/profile.h"
#include "worker/vm/cpython/source.h"
#include "worker/vm/cpython/streams.h"
#include "worker/vm/cpython/trace_lines.h"

#define ANSWER_REHEARSED (1u << 20)

static struct {
    PyObject *globals;     /* __main__.__dict__ */
    PyObject *sys;         /* sys.__dict__ */
    PyObject *hook;        /* sys.excepthook as the interpreter made it */
    PyObject *argv, *file; /* "argv" and "__file__" */
} saved;

struct state {
    const struct viv_vm_run *run;
    struct viv_vm_report *report;
    struct viv_answer answer;   /* result or error: the later replaces the earlier */
    struct viv_answer restored; /* restore_manifest */
    struct viv_answer observed; /* profile and trace */
    struct viv_carried carried; /* scope and manifest */
    pid_t process;
    bool cancelled; /* vivarium.Cancelled left the code */
    bool steps_reached;
    bool flushed;
    bool carrying; /* the scope is being taken, or was */
};

int viv_run_setup(void)
{
    PyObject *main = PyImport_AddModule("__main__"), *sys = PyImport_AddModule("sys");

    if (!main || !sys)
        return -1;
    saved.globals = Py_NewRef(PyModule_GetDict(main));
    saved.sys = Py_NewRef(PyModule_GetDict(sys));
    saved.hook = Py_XNewRef(PySys_GetObject("excepthook"));
    saved.argv = PyUnicode_InternFromString("argv");
    saved.file = PyUnicode_InternFromString("__file__");
    return saved.hook && saved.argv && saved.file ? 0 : -1;
}

/* The main thread's id, which the interpreter keeps: no system call. */
static pid_t own_process(void)
{
    return (pid_t)PyThreadState_Get()->native_thread_id;
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- what the step hook tells ------------------------------------------- */

static void note(void *arg, enum viv_vm_note kind)
{
    const struct viv_vm_run *run = ((struct state *)arg)->run;

    /* What the step limit raises is nobody's cancel: there is nothing to tell. */
    if (run->note && atomic_load(&run->page->cancel_seq) == run->seq)
        run->note(run->note_arg, kind, now_ns());
}

static void on_hook_reached(void *arg)
{
    note(arg, VIV_VM_NOTE_HOOK_REACHED);
}

static void on_deferred(void *arg)
{
    note(arg, VIV_VM_NOTE_CLEANUP_ENTERED);
}

static void on_left_cleanup(void *arg)
{
    note(arg, VIV_VM_NOTE_CLEANUP_LEFT);
}

static void on_raised(void *arg)
{
    note(arg, VIV_VM_NOTE_RAISED);
}

static void on_steps_reached(void *arg)
{
    ((struct state *)arg)->steps_reached = true;
    viv_cancel_request("step limit reached");
}

/* --- the code ------------------------------------------------------------ */

static int set_names(PyObject *filename)
{
    PyObject *argv = PyList_New(1);
    int rc;

    if (!argv)
        return -1;
    PyList_SET_ITEM(argv, 0, Py_NewRef(filename));
    rc = PyDict_SetItem(saved.sys, saved.argv, argv);
    Py_DECREF(argv);
    return rc < 0 ? -1 : PyDict_SetItem(saved.globals, saved.file, filename);
}

/* The value of the trailing expression; None where there is none; NULL. */
static PyObject *evaluate(const struct viv_compiled *compiled)
{
    PyObject *value = PyEval_EvalCode(compiled->body, saved.globals, saved.globals);

    if (value && compiled->value) {
        Py_DECREF(value);
        value = PyEval_EvalCode(compiled->value, saved.globals, saved.globals);
    }
    return value;
}

static PyObject *compile_and_evaluate(const struct viv_vm_run *run)
{
    PyObject *filename =
        PyUnicode_DecodeUTF8(run->filename, (Py_ssize_t)strlen(run->filename), "replace");
    PyObject *name = filename ? viv_source_set(run->code, run->code_len, filename) : NULL;
    struct viv_compiled compiled = {0};
    PyObject *value = NULL;

    if (name && set_names(filename) == 0) {
        if (viv_compile(run->code, run->code_len, name, &compiled) == 0)
            value = evaluate(&compiled);
        else if (PyErr_ExceptionMatches(PyExc_SyntaxError))
            viv_failure_complete_syntax();
    }
    viv_compile_free(&compiled);
    Py_XDECREF(filename);
    return value;
}

/* A program may have said how its end is to be shown. */
static void call_excepthook(PyObject *exception)
{
    PyObject *hook = Py_XNewRef(PySys_GetObject("excepthook"));
    PyObject *traceback = PyException_GetTraceback(exception), *done = NULL;

    if (hook && hook != saved.hook) {
        done = PyObject_CallFunctionObjArgs(hook, (PyObject *)Py_TYPE(exception), exception,
                                            traceback ? traceback : Py_None, NULL);
        if (!done)
            PyErr_WriteUnraisable(hook);
    }
    Py_XDECREF(done);
    Py_XDECREF(traceback);
    Py_XDECREF(hook);
}

static bool is_cancelled(PyObject *exception)
{
    return viv_cancel_pending() && PyErr_GivenExceptionMatches(exception, viv_cancelled_type());
}

/* os.fork() gave the script a second process, which has come to the end of the
 * script as well. Nobody waits for its answer. */
static bool is_fork(const struct state *s)
{
    return getpid() != s->process;
}

static void print_to_stderr(PyObject *exception)
{
    PyObject *stream = Py_XNewRef(PySys_GetObject("stderr"));
    struct viv_failure failure;

    viv_failure_describe(exception, &failure);
    if (stream && failure.traceback)
        PyFile_WriteObject(failure.traceback, stream, Py_PRINT_RAW);
    PyErr_Clear();
    viv_failure_free(&failure);
    Py_XDECREF(stream);
}

/* A MemoryError is the limit's where the limit has refused anything. */
static enum viv_vm_end end_by(const struct state *s, PyObject *exception)
{
    if (s->cancelled)
        return VIV_VM_CANCELLED;
    if (viv_memory_refused() && PyErr_GivenExceptionMatches(exception, PyExc_MemoryError))
        return VIV_VM_MEMORY_EXCEEDED;
    return VIV_VM_RAISED;
}

/* Takes down the pending exception: an exit's status, or what it says. */
static void take_exception(struct state *s)
{
    PyObject *exception;

    viv_memory_pause();
    exception = viv_failure_fetch();
    s->report->ended_ns = now_ns(); /* the code has unwound; telling of it takes longer */
    if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
        viv_answer_clear(&s->answer);
        s->report->exited = true;
        s->report->exit_status = (uint32_t)viv_ending_status(exception);
    } else {
        s->report->exited = false; /* what comes in the end counts */
        s->report->exit_status = 0;
        s->cancelled = is_cancelled(exception);
        s->report->end = end_by(s, exception);
        if (is_fork(s))
            print_to_stderr(exception);
        else
            viv_answer_set_error(&s->answer, exception);
        if (!is_fork(s) && !s->cancelled)
            call_excepthook(exception);
    }
    Py_DECREF(exception);
    PyErr_Clear();
    viv_memory_resume();
}

/* The scope gets what the result leaves of the answer. A worker that won't be
 * kept although it should hands its scope over, too. Once: where a cancel had to
 * end it, code of the scope would keep it from ending again. */
static int carry_out(struct state *s)
{
    const struct viv_vm_run *run = s->run;
    bool lost = run->keep && !s->report->reusable && !s->report->scope_refused;
    size_t used = s->answer.len + s->restored.len + s->observed.len;

    if (!run->return_scope && !run->checkpoint && !lost)
        return 0;
    if (s->report->scope_refused || used > s->carried.head.max || s->carrying || is_fork(s))
        return 0;
    s->carrying = true;
    s->carried.head.max -= used;
    return viv_carry_out(saved.globals, &s->carried);
}

/* A cancel reaches other threads at their next instruction. Those that clean up
 * are waited for; one that is stuck in C can't be reached, and gets this long. */
#define STRAGGLERS_MS 100

/* A program that was cancelled: its threads unwind, then nothing more is
 * raised, so that its exit functions run to their end, within the grace. */
static void end_cancelled(struct state *s, struct viv_cancel_report *cancel)
{
    int left = viv_cancel_wait_threads(STRAGGLERS_MS);

    viv_cancel_end(cancel);
    s->report->reusable &= left == 0;
    if (!s->run->keep && viv_ending_run_exit_functions() < 0)
        PyErr_WriteUnraisable(NULL);
    /* The variables survive a cancel. No cancel comes any more: the grace bounds
     * this, too. */
    if (carry_out(s) < 0)
        PyErr_Clear();
}

/* A cancel may come as late as this. Anything else is told of on stderr, as
 * `where` has raised it. */
static void take_late_exception(struct state *s, PyObject *where)
{
    if (is_cancelled(PyErr_Occurred()))
        take_exception(s);
    else
        PyErr_WriteUnraisable(where);
}

/* As python3 ends: threads are waited for, exit functions run, also where the wait
 * was ended by what a signal's handler raised. */
static void end_program(struct state *s)
{
    PyObject *threading = NULL;

    if (viv_ending_join_threads(&threading) < 0)
        take_late_exception(s, threading);
    Py_XDECREF(threading);
    if (!s->cancelled && viv_ending_run_exit_functions() < 0)
        take_late_exception(s, NULL);
}

/* --- looking on ----------------------------------------------------------- */

/* What can't be had is left out: the code runs all the same. */
static void observe(const struct viv_vm_run *run)
{
    if (run->trace_lines)
        viv_trace_lines_begin(run->trace_lines, run->trace_libraries);
    if (run->profile_interval_ns)
        viv_profile_begin(run->profile_interval_ns);
}

static void stop_observing(void)
{
    viv_profile_stop();
    viv_trace_lines_stop();
}

/* Lets go of code objects, whose end may be user code. */
static void take_observed(struct state *s)
{
    stop_observing();
    if (s->run->profile_interval_ns && !s->run->scope_only)
        viv_profile_take(&s->observed);
    if (s->run->trace_lines && !s->run->scope_only)
        viv_trace_lines_take(&s->observed);
}

static PyObject *set_scope_and_run(struct state *s)
{
    if (viv_carry_in(saved.globals, s->run, &s->restored) < 0) {
        s->report->scope_refused = true;
        s->report->reusable = s->run->replace;
        return NULL;
    }
    if (s->run->scope_only)
        return Py_NewRef(Py_None);
    observe(s->run);
    return compile_and_evaluate(s->run);
}

static void run_code(struct state *s)
{
    PyObject *value = set_scope_and_run(s);

    if (!value || viv_answer_set_value(&s->answer, value) < 0)
        take_exception(s);
    Py_XDECREF(value);
}

/* Whether there may be something to write when all is over: what the first try
 * has left, and what code printed since. That is exit functions, finalizers, and
 * what a scope is taken with. */
static bool may_hold(const struct state *s)
{
    return !s->flushed || s->cancelled || s->carrying || s->run->profile_interval_ns ||
           s->run->trace_lines;
}

static void fill_report(const struct state *s, const struct viv_cancel_report *cancel)
{
    struct viv_vm_report *report = s->report;

    if (!s->cancelled)
        report->ended_ns = now_ns();
    if (s->cancelled && s->steps_reached)
        report->end = VIV_VM_STEPS_EXCEEDED;
    report->steps = viv_cancel_steps();
    report->hook_reached_ns = cancel->hook_reached_ns;
    report->raised_ns = cancel->raised_ns;
    report->cleanup_deferred_ns = cancel->cleanup_deferred_ns;
    report->raise_count = cancel->raise_count;
}

static void give_answers(struct state *s)
{
    struct viv_vm_report *report = s->report;
    struct viv_carried *carried = &s->carried;
    bool checkpoint = s->run->checkpoint || (s->run->keep && !report->reusable);

    viv_answer_join(&s->answer, s->restored.data, s->restored.len);
    viv_answer_join(&s->answer, s->observed.data, s->observed.len);
    viv_answer_clear(&s->restored);
    viv_answer_clear(&s->observed);
    report->answer_has_tail = s->run->return_scope && carried->scope.data &&
                              viv_answer_join(&s->answer, carried->head.data, carried->head.len);
    if (s->run->return_scope && !carried->scope.data)
        viv_answer_join(&s->answer, carried->head.data, carried->head.len);
    report->answer = s->answer.data;
    report->answer_len = s->answer.len;
    if (checkpoint) {
        report->checkpoint = carried->head.data;
        report->checkpoint_len = carried->head.len;
        report->checkpoint_has_tail = carried->scope.data != NULL;
        carried->head = (struct viv_answer){0};
    }
    report->tail = carried->scope.data;
    report->tail_len = carried->scope.len;
    report->map = carried->scope.map;
    report->map_len = carried->scope.map_len;
    viv_answer_clear(&carried->head);
}

static void rehearse(const char *code)
{
    static const struct viv_control_page page;
    const struct viv_vm_run run = {
        .code = code, .code_len = strlen(code), .filename = "<rehearsal>"};
    struct viv_vm_report report = {0};
    struct state s = {
        .run = &run, .report = &report, .answer.max = ANSWER_REHEARSED, .process = own_process()};
    struct viv_cancel_report cancel;

    viv_cancel_begin(&page, 1, NULL);
    run_code(&s);
    viv_streams_flush();
    viv_cancel_end(&cancel);
    viv_answer_clear(&s.answer);
}

/* Without the end of a program: threads and exit functions are the run's. */
void viv_run_rehearse(void)
{
    PyObject *before = PyDict_Copy(saved.globals), *argv = Py_XNewRef(PySys_GetObject("argv"));

    if (before && argv) {
        rehearse("def f(x): return [x, 'a', 1.5, {x: (None,)}]\nprint(end='')\nf(1)");
        rehearse("def f(x): return x / 0\nf(1)");
        rehearse("x = (");
        PyDict_Clear(saved.globals);
        PyDict_Update(saved.globals, before);
        PySys_SetObject("argv", argv);
        viv_source_forget();
    }
    PyErr_Clear();
    Py_XDECREF(before);
    Py_XDECREF(argv);
}

int viv_run(const struct viv_vm_run *run, size_t answer_max, struct viv_vm_report *ret_report,
            struct viv_error *err)
{
    struct viv_vm_report report = {.end = VIV_VM_COMPLETED, .began_ns = now_ns(), .reusable = true};
    struct state s = {.run = run,
                      .report = &report,
                      .answer.max = answer_max,
                      .restored.max = answer_max,
                      .observed.max = answer_max,
                      .carried.head.max = answer_max,
                      .process = own_process()};
    const struct viv_cancel_events events = {.arg = &s,
                                             .hook_reached = on_hook_reached,
                                             .deferred = on_deferred,
                                             .left_cleanup = on_left_cleanup,
                                             .raised = on_raised};
    struct viv_cancel_report cancel;

    viv_cancel_begin(run->page, run->seq, &events);
    if (run->steps)
        viv_cancel_count_steps(run->steps, on_steps_reached, &s);
    viv_memory_begin(run->memory_soft_bytes, run->memory_bytes);
    run_code(&s);
    if (!s.cancelled && !run->keep)
        end_program(&s);
    viv_memory_end();
    s.flushed = viv_streams_flush();
    take_observed(&s);
    if (!s.cancelled && carry_out(&s) < 0)
        take_exception(&s);
    if (s.cancelled)
        end_cancelled(&s, &cancel);
    else
        viv_cancel_end(&cancel);
    if (may_hold(&s))
        viv_streams_flush();
    if (is_fork(&s))
        _exit(report.exited ? (int)report.exit_status : report.end != VIV_VM_COMPLETED);
    fill_report(&s, &cancel);
    give_answers(&s);
    *ret_report = report;
    return 0;
}
