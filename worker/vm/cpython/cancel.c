#include "worker/vm/cpython/cancel.h"

#include <Python.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "worker/vm/cpython/cancel_deliver.h"
#include "worker/vm/cpython/cancel_module.h"
#include "worker/vm/cpython/cancel_stack.h"
#include "worker/vm/cpython/cleanup_map.h"
#include "worker/vm/cpython/pep419.h"
#include "worker/vm/cpython/trace.h"

static const struct viv_cancel_events no_events;

static struct {
    const struct viv_control_page *page; /* NULL: nothing runs */
    uint64_t seq;
    const struct viv_cancel_events *events;
    PyThreadState *main;
    pid_t main_tid;
    bool local;   /* asked for from inside */
    bool unwound; /* the main thread has no more to be told */
    char local_reason[VIV_REASON_MAX + 1];
    struct viv_cancel_report report;
    uint64_t deferred_since;
    bool told_deferred, told_left;
} now = {.events = &no_events};

/* Past its limit the counter rings by itself, for code that swallows. */
#define STEPS_BETWEEN_RINGS 256

static struct {
    uint64_t done, limit;
    void (*reached)(void *arg);
    void *arg;
} steps;

/* Set from a ring until the hook starts: rings in between change nothing. */
static atomic_int ringing;

static void (*on_ring)(void);

/* How far the hook is from the eval loop on the C stack when the eval loop
 * itself calls it; 0 while that is being measured. */
static ptrdiff_t eval_distance;

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool page_says_so(void)
{
    return now.page && atomic_load_explicit(&now.page->cancel_seq, memory_order_acquire) == now.seq;
}

bool viv_cancel_pending(void)
{
    return now.page && (now.local || page_says_so());
}

static bool requested_of(const PyThreadState *tstate)
{
    return viv_cancel_pending() && !(now.unwound && tstate == now.main);
}

static void tell(void (*callback)(void *arg))
{
    if (callback)
        callback(now.events->arg);
}

/* --- what delivery tells ------------------------------------------------ */

static PyObject *make_exception(void)
{
    char reason[VIV_REASON_MAX + 1];
    const char *from = page_says_so() ? now.page->reason : now.local_reason;
    size_t length = strnlen(from, VIV_REASON_MAX);
    memcpy(reason, from, length);
    reason[length] = '\0';
    return viv_cancelled_new(reason);
}

static void note_deferred(PyThreadState *tstate)
{
    if (tstate != now.main || now.deferred_since != 0)
        return;
    now.deferred_since = monotonic_ns();
    if (!now.told_deferred)
        tell(now.events->deferred);
    now.told_deferred = true;
}

static void note_left(PyThreadState *tstate)
{
    if (tstate != now.main || now.deferred_since == 0)
        return;
    now.report.cleanup_deferred_ns += monotonic_ns() - now.deferred_since;
    now.deferred_since = 0;
    if (!now.told_left)
        tell(now.events->left_cleanup);
    now.told_left = true;
}

static void note_raised(PyThreadState *tstate)
{
    now.report.raise_count++;
    if (now.report.raised_ns != 0)
        return;
    now.report.raised_ns = monotonic_ns();
    tell(now.events->raised);
}

static const struct viv_cancel_run run = {
    .requested = requested_of,
    .make_exception = make_exception,
    .note_deferred = note_deferred,
    .note_left = note_left,
    .note_raised = note_raised,
};

static void note_reached(void)
{
    if (now.report.hook_reached_ns != 0)
        return;
    now.report.requested = true;
    now.report.hook_reached_ns = monotonic_ns();
    tell(now.events->hook_reached);
}

int viv_cancel_raise(void)
{
    PyObject *exception = make_exception();
    note_reached();
    if (exception) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        note_raised(now.main);
    }
    Py_XDECREF(exception);
    return -1;
}

/* --- the doorbell ------------------------------------------------------- */

/* The interpreter gives no sign of whether the eval loop calls a handler
 * between two instructions, or a C function that polls for signals does in the
 * middle of one. The C stack does: between the eval loop's own record and here
 * there is always the same, or there is more. */
static ptrdiff_t distance_from_eval(PyThreadState *tstate)
{
    return (char *)tstate->cframe - (char *)__builtin_frame_address(0);
}

__attribute__((noinline)) static PyObject *step_hook(PyObject *self, PyObject *args)
{
    PyThreadState *tstate = PyThreadState_Get();
    ptrdiff_t distance = distance_from_eval(tstate);
    atomic_store(&ringing, 0);
    if (eval_distance == 0)
        eval_distance = distance;
    if (tstate == now.main && on_ring)
        on_ring();
    if (tstate != now.main || !requested_of(tstate))
        Py_RETURN_NONE;
    note_reached();
    viv_cancel_deliver_others();
    if (viv_cancel_deliver_main(distance != eval_distance) != 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef step_hook_def = {"doorbell", step_hook, METH_VARARGS, "Vivarium's step hook."};

void viv_cancel_on_ring(void (*rung)(void))
{
    on_ring = rung;
}

void viv_cancel_ring(void)
{
    if (atomic_exchange(&ringing, 1) == 0)
        PyErr_SetInterruptEx(VIV_DOORBELL);
}

/* Only the main thread's blocking calls are worth interrupting. */
static void on_doorbell(int signal_number)
{
    int kept = errno;
    viv_cancel_ring();
    if (now.main_tid != 0 && syscall(SYS_gettid) != now.main_tid)
        syscall(SYS_tgkill, getpid(), now.main_tid, VIV_DOORBELL);
    errno = kept;
}

/* First through the interpreter, so that it knows the Python half; then the C
 * half in place of its own. No SA_RESTART: blocking calls have to return. */
static int install_doorbell(void)
{
    struct sigaction action = {.sa_handler = on_doorbell, .sa_flags = SA_ONSTACK};
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *hook = PyCFunction_New(&step_hook_def, NULL);
    PyObject *old = module && hook ? PyObject_CallMethod(module, "signal", "iO", VIV_DOORBELL, hook)
                                   : NULL;
    Py_XDECREF(module);
    Py_XDECREF(hook);
    if (!old)
        return -1;
    Py_DECREF(old);
    sigemptyset(&action.sa_mask);
    if (sigaction(VIV_DOORBELL, &action, NULL) == 0)
        return 0;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

/* The first check of a new frame is the eval loop's. */
static int measure_distance(void)
{
    PyObject *code = Py_CompileString("pass", "<vivarium>", Py_file_input);
    PyObject *globals = code ? PyDict_New() : NULL;
    PyObject *value = NULL;
    eval_distance = 0;
    PyErr_SetInterruptEx(VIV_DOORBELL);
    if (globals)
        value = PyEval_EvalCode(code, globals, globals);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    if (value && eval_distance == 0)
        PyErr_SetString(PyExc_RuntimeError, "the step hook is not called");
    Py_XDECREF(value);
    return eval_distance != 0 ? 0 : -1;
}

/* --- steps -------------------------------------------------------------- */

static int on_step(struct viv_trace *thread, PyFrameObject *frame, int what, PyObject *arg)
{
    if (what != PyTrace_OPCODE || ++steps.done < steps.limit || steps.limit == 0)
        return 0;
    if (steps.done > steps.limit) {
        if ((steps.done - steps.limit) % STEPS_BETWEEN_RINGS == 0)
            viv_cancel_ring();
        return 0;
    }
    if (steps.reached)
        steps.reached(steps.arg);
    if (!viv_cancel_pending())
        return 0;
    note_reached();
    viv_cancel_deliver_others();
    return viv_cancel_deliver_here(thread);
}

void viv_cancel_count_steps(uint64_t limit, void (*reached)(void *arg), void *arg)
{
    struct viv_trace *thread = viv_trace_of(PyThreadState_Get());
    steps.done = 0;
    steps.limit = limit;
    steps.reached = reached;
    steps.arg = arg;
    if (thread)
        viv_trace_want(thread, VIV_TRACE_STEPS);
}

uint64_t viv_cancel_steps(void)
{
    return steps.done;
}

/* --- one execution ------------------------------------------------------ */

int viv_cancel_setup(void)
{
    viv_cancel_deliver_setup(&run);
    viv_trace_register(VIV_TRACE_STEPS, on_step);
    if (viv_cleanup_map_setup() != 0 || viv_cancel_module_setup() != 0 || viv_pep419_setup() != 0)
        return -1;
    if (install_doorbell() != 0)
        return -1;
    return measure_distance();
}

void viv_cancel_begin(const struct viv_control_page *page, uint64_t seq,
                      const struct viv_cancel_events *events)
{
    memset(&now, 0, sizeof(now));
    memset(&steps, 0, sizeof(steps));
    viv_cancel_deliver_disarm();
    now.events = events ? events : &no_events;
    now.main = PyThreadState_Get();
    now.main_tid = (pid_t)now.main->native_thread_id;
    now.seq = seq;
    now.page = page;
    atomic_store(&ringing, 0);
    /* A cancel that came first rang before anybody was here to hear it. */
    if (viv_cancel_pending())
        viv_cancel_ring();
}

static int other_threads(void)
{
    PyThreadState *t = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    int count = -1;
    for (; t; t = PyThreadState_Next(t))
        count++;
    return count;
}

static bool others_clean_up(void)
{
    PyThreadState *t = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; t; t = PyThreadState_Next(t))
        if (t != now.main && viv_cancel_place(t, false).kind == VIV_PLACE_CLEANUP)
            return true;
    return false;
}

int viv_cancel_wait_threads(unsigned ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const uint64_t patience = ms * (uint64_t)1000000;
    uint64_t end = monotonic_ns() + patience;
    now.unwound = true;
    while (viv_cancel_pending() && other_threads() > 0 && monotonic_ns() < end) {
        viv_cancel_deliver_others();
        /* And what comes after its cleanup gets its time, too. */
        if (others_clean_up())
            end = monotonic_ns() + patience;
        PyThreadState *self = PyEval_SaveThread();
        nanosleep(&pause, NULL);
        PyEval_RestoreThread(self);
    }
    return other_threads();
}

void viv_cancel_end(struct viv_cancel_report *ret)
{
    struct viv_trace *thread = viv_trace_find(PyThreadState_Get());
    bool requested = viv_cancel_pending();
    note_left(now.main);
    now.page = NULL;
    if (thread)
        viv_trace_drop(thread, VIV_TRACE_STEPS);
    viv_cancel_deliver_disarm();
    now.report.requested = requested;
    now.report.undelivered = requested && !viv_cancel_deliver_is_under_way();
    *ret = now.report;
    now.events = &no_events;
    /* Last, as it may free objects of the user's. */
    viv_cancel_deliver_forget();
}

void viv_cancel_request(const char *reason)
{
    strncpy(now.local_reason, reason, VIV_REASON_MAX);
    now.local_reason[VIV_REASON_MAX] = '\0';
    now.local = true;
    viv_cancel_ring();
}
