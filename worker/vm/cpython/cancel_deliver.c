#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/cancel_deliver.h"

#include <internal/pycore_frame.h>

#include "worker/vm/cpython/cancel_stack.h"
#include "worker/vm/cpython/trace.h"

/* How often the way out of calls may put a raise off: code that consists of
 * nothing else (a key function of one load) must not escape through it. */
#define MAX_TAILS 256

/* Rings without an event of the tracer (user code replaces it, or runs inside
 * a trace function of its own) until the ring raises by itself; and until it
 * does so on a jump back too, where the exception escapes a try that starts
 * at the jump's target. */
#define STUCK_RINGS 2
#define STUCK_RINGS_BACK 20

/* Rings for which C code may hold our exception unseen, as while destructors
 * run during unwinding, before it is taken to be swallowed. */
#define QUIET_RINGS 3

/* Rings for which a task may go on entering an async with. Tasks sit in `async
 * with lock:` for as long as it takes, and are written to be cancelled there. */
#define ENTERING_RINGS 30

/* Rings for which a task may go on until it gives its loop a chance. */
#define LOOP_RINGS 5

static const struct viv_cancel_run *run;

static void stop(struct viv_trace *thread)
{
    thread->cancel.watch = NULL;
    thread->cancel.unconfirmed = false;
    viv_trace_drop(thread, VIV_TRACE_CANCEL);
}

static int raise_in(struct viv_trace *thread)
{
    PyObject *old = thread->cancel.raised;
    PyObject *exception = run->make_exception();
    run->note_left(thread->tstate);
    if (exception) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        run->note_raised(thread->tstate);
    }
    thread->cancel.raised = exception;
    thread->cancel.quiet = 0;
    Py_XDECREF(old);
    return -1;
}

/* Whether the last exception still does its work, or was swallowed. The
 * reference is ours alone once nobody handles, raises or keeps it. One that
 * user code keeps in a variable counts as swallowed after a while. */
static bool is_at_work(struct viv_trace *thread)
{
    struct viv_trace_cancel *c = &thread->cancel;
    if (!c->raised)
        return false;
    if (viv_cancel_is_at_work(thread->tstate, c->raised)) {
        c->quiet = 0;
        return true;
    }
    if (Py_REFCNT(c->raised) > 1 && c->quiet < QUIET_RINGS) {
        c->quiet++;
        return true;
    }
    return false;
}

static bool may_raise_under_loop(struct viv_trace *thread, const struct viv_place *place)
{
    return !place->in_loop && thread->cancel.loops >= LOOP_RINGS;
}

static void wait_for(struct viv_trace *thread, const struct viv_place *place)
{
    thread->cancel.watch = NULL;
    bool loop = place->kind == VIV_PLACE_LOOP && !may_raise_under_loop(thread, place);
    if (loop || place->kind == VIV_PLACE_CLEANUP)
        thread->cancel.watch = place->outermost;
    bool task = place->kind == VIV_PLACE_TASK || place->kind == VIV_PLACE_TASK_ENTERS;
    if (task || place->kind == VIV_PLACE_CLEANUP)
        run->note_deferred(thread->tstate);
    /* No instruction says that a suspended task has gone on: the next ring
     * looks again. */
    if (task)
        stop(thread);
    else
        viv_trace_want(thread, VIV_TRACE_CANCEL);
}

/* The tracer raises at an exact instruction, so it is left to it, but for two
 * cases: a C function waits (there is no next instruction), and the tracer
 * does not get to run. */
static bool raises_at_ring(struct viv_trace *thread, const struct viv_place *place, bool in_c)
{
    uint32_t stuck = thread->cancel.stuck;
    if (place->kind == VIV_PLACE_CLEANUP)
        return in_c && place->enters_in_c && stuck > 0;
    if (place->kind == VIV_PLACE_TASK)
        return false;
    if (place->kind == VIV_PLACE_TASK_ENTERS && thread->cancel.enters < ENTERING_RINGS)
        return false;
    /* A second ring without a step in between: C code waits in a task. */
    if (place->kind == VIV_PLACE_LOOP && !may_raise_under_loop(thread, place))
        return in_c && !place->in_loop && stuck > 0;
    if (in_c && !place->back && place->kind != VIV_PLACE_IMPORT)
        return true;
    return stuck > (place->back ? STUCK_RINGS_BACK : STUCK_RINGS);
}

static void count_stuck(struct viv_trace *thread)
{
    struct viv_trace_cancel *c = &thread->cancel;
    bool armed = viv_trace_wanted(thread, VIV_TRACE_CANCEL);
    c->stuck = armed && c->events_at_ring == thread->events ? c->stuck + 1 : 0;
    c->events_at_ring = thread->events;
}

static void count_waits(struct viv_trace *thread, const struct viv_place *place)
{
    thread->cancel.enters += place->kind == VIV_PLACE_TASK_ENTERS;
    thread->cancel.loops += place->kind == VIV_PLACE_LOOP && !place->in_loop;
}

int viv_cancel_deliver_main(bool in_c)
{
    struct viv_trace *thread = viv_trace_of(PyThreadState_Get());
    if (!thread || is_at_work(thread))
        return 0;
    count_stuck(thread);
    struct viv_place place = viv_cancel_place(thread->tstate, false);
    count_waits(thread, &place);
    if (!raises_at_ring(thread, &place, in_c)) {
        wait_for(thread, &place);
        return 0;
    }
    int status = raise_in(thread);
    /* Whoever called the C function may lose the exception, as error messages
     * do that are formatted over it. The tracer sees whether it arrives. */
    thread->cancel.unconfirmed = true;
    thread->cancel.watch = NULL;
    viv_trace_want(thread, VIV_TRACE_CANCEL);
    return status;
}

/* By their ids, which rise: what dies while one is armed may run user code, let
 * go of the GIL and so end any thread, the next one of a list too. */
static PyThreadState *thread_after(uint64_t id)
{
    PyThreadState *t = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    PyThreadState *next = NULL;
    for (; t; t = PyThreadState_Next(t))
        if (t->id > id && (!next || t->id < next->id))
            next = t;
    return next;
}

static void arm(PyThreadState *tstate)
{
    struct viv_trace *thread = viv_trace_of(tstate);
    if (!thread || is_at_work(thread))
        return;
    struct viv_place place = viv_cancel_place(tstate, false);
    count_waits(thread, &place);
    thread->cancel.watch = place.kind == VIV_PLACE_CLEANUP ? place.outermost : NULL;
    viv_trace_want(thread, VIV_TRACE_CANCEL);
}

void viv_cancel_deliver_others(void)
{
    uint64_t id = 0;
    viv_trace_prune();
    for (PyThreadState *t; (t = thread_after(id)) != NULL;) {
        id = t->id;
        if (t != PyThreadState_Get())
            arm(t);
    }
}

static bool may_wait(struct viv_trace *thread, const struct viv_place *place)
{
    switch (place->kind) {
    case VIV_PLACE_CLEAR:
        return false;
    case VIV_PLACE_TASK_ENTERS:
        return thread->cancel.enters < ENTERING_RINGS;
    case VIV_PLACE_TAIL:
        return thread->cancel.tails++ < MAX_TAILS;
    case VIV_PLACE_LOOP:
        return !may_raise_under_loop(thread, place);
    default:
        return true;
    }
}

int viv_cancel_deliver_here(struct viv_trace *thread)
{
    struct viv_place place = viv_cancel_place(thread->tstate, true);
    if (may_wait(thread, &place)) {
        wait_for(thread, &place);
        return 0;
    }
    stop(thread);
    return raise_in(thread);
}

/* Raised out of C code: has it arrived? Lost, once the reference is ours. */
static int confirm(struct viv_trace *thread, int what, PyObject *arg)
{
    PyObject *raised = thread->cancel.raised;
    if (what == PyTrace_EXCEPTION && PyTuple_Check(arg) && PyTuple_GET_SIZE(arg) > 1 &&
        PyTuple_GET_ITEM(arg, 1) == raised) {
        stop(thread);
        return 0;
    }
    if (what != PyTrace_OPCODE || (raised && Py_REFCNT(raised) > 1))
        return 0;
    thread->cancel.unconfirmed = false;
    return viv_cancel_deliver_here(thread);
}

static int on_event(struct viv_trace *thread, PyFrameObject *frame, int what, PyObject *arg)
{
    if (!run->requested(thread->tstate)) {
        stop(thread);
        return 0;
    }
    if (thread->cancel.unconfirmed)
        return confirm(thread, what, arg);
    if (what == PyTrace_RETURN && frame->f_frame == thread->cancel.watch)
        thread->cancel.watch = NULL;
    if (what != PyTrace_OPCODE)
        return 0;
    if (thread->cancel.watch && frame->f_frame != thread->cancel.watch)
        return 0;
    return viv_cancel_deliver_here(thread);
}

void viv_cancel_deliver_setup(const struct viv_cancel_run *callbacks)
{
    run = callbacks;
    viv_trace_register(VIV_TRACE_CANCEL, on_event);
}

void viv_cancel_deliver_disarm(void)
{
    struct viv_trace *armed;
    /* What dies with a tracer may run user code, after which the list and its
     * threads are others: each round begins anew. */
    do {
        viv_trace_prune();
        armed = viv_trace_first();
        while (armed && !viv_trace_wanted(armed, VIV_TRACE_CANCEL))
            armed = armed->next;
        if (armed)
            stop(armed);
    } while (armed);
    for (struct viv_trace *t = viv_trace_first(); t; t = t->next) {
        t->cancel.watch = NULL;
        t->cancel.unconfirmed = false;
        t->cancel.stuck = t->cancel.quiet = 0;
        t->cancel.enters = t->cancel.loops = t->cancel.tails = 0;
    }
}

void viv_cancel_deliver_forget(void)
{
    for (struct viv_trace *t = viv_trace_first(); t;) {
        PyObject *raised = t->cancel.raised;
        t->cancel.raised = NULL;
        /* User code may run as it dies, and change the list. */
        t = raised ? viv_trace_first() : t->next;
        Py_XDECREF(raised);
    }
}

bool viv_cancel_deliver_is_under_way(void)
{
    struct viv_trace *thread = viv_trace_find(PyThreadState_Get());
    return thread && thread->cancel.raised &&
           (viv_cancel_is_at_work(thread->tstate, thread->cancel.raised) ||
            Py_REFCNT(thread->cancel.raised) > 1);
}
