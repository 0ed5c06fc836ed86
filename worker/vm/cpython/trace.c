#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/trace.h"

#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <stdlib.h>

static viv_trace_fn *users[VIV_TRACE_USERS];
static struct viv_trace *threads;

void viv_trace_register(enum viv_trace_user user, viv_trace_fn *fn)
{
    users[user] = fn;
}

/* A frame reports instructions only if it is told to. Callees are told when
 * they are entered and callers when they are returned to, so that a deep stack
 * need not be walked, nor given frame objects, to trace what runs next. */
static void follow(struct viv_trace *thread, PyFrameObject *frame, int what)
{
    unsigned all = ~(1u << VIV_TRACE_CANCEL | 1u << VIV_TRACE_LINES);
    /* Below a frame in cleanup a cancel has nothing to look for. */
    bool below = thread->cancel.watch && !(thread->users & all);
    if (thread->users == 1u << VIV_TRACE_LINES)
        return;
    if (what == PyTrace_CALL && !below)
        frame->f_trace_opcodes = 1;
    if (what != PyTrace_RETURN)
        return;
    PyFrameObject *back = PyFrame_GetBack(frame);
    if (back)
        back->f_trace_opcodes = 1;
    Py_XDECREF(back);
}

static int tracer(PyObject *obj, PyFrameObject *frame, int what, PyObject *arg)
{
    struct viv_trace *thread = viv_trace_find(PyThreadState_Get());
    if (!thread)
        return 0;
    thread->events++;
    follow(thread, frame, what);
    for (int user = 0; user < VIV_TRACE_USERS; user++)
        if (viv_trace_wanted(thread, user) && users[user](thread, frame, what, arg) != 0)
            return -1;
    return 0;
}

struct viv_trace *viv_trace_first(void)
{
    return threads;
}

struct viv_trace *viv_trace_find(const PyThreadState *tstate)
{
    struct viv_trace *t = threads;
    while (t && (t->tstate != tstate || t->tstate_id != tstate->id))
        t = t->next;
    return t;
}

struct viv_trace *viv_trace_of(PyThreadState *tstate)
{
    struct viv_trace *t = viv_trace_find(tstate);
    if (t)
        return t;
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->tstate = tstate;
    t->tstate_id = tstate->id;
    t->next = threads;
    threads = t;
    return t;
}

static bool is_alive(const struct viv_trace *thread)
{
    PyInterpreterState *interp = PyInterpreterState_Main();
    PyThreadState *t = PyInterpreterState_ThreadHead(interp);
    while (t && (t != thread->tstate || t->id != thread->tstate_id))
        t = PyThreadState_Next(t);
    return t != NULL;
}

static void free_thread(struct viv_trace *thread)
{
    PyObject *kept = thread->kept_obj, *raised = thread->cancel.raised;
    PyObject *hook = thread->pep.hook;
    free(thread->pep.levels);
    free(thread);
    /* Last: what dies here may run user code that comes back to the list. */
    Py_XDECREF(kept);
    Py_XDECREF(raised);
    Py_XDECREF(hook);
}

void viv_trace_prune(void)
{
    struct viv_trace *dead = NULL;
    for (struct viv_trace **at = &threads; *at;) {
        struct viv_trace *thread = *at;
        if (is_alive(thread)) {
            at = &thread->next;
            continue;
        }
        *at = thread->next;
        thread->next = dead;
        dead = thread;
    }
    while (dead) {
        struct viv_trace *next = dead->next;
        free_thread(dead);
        dead = next;
    }
}

/* Instead of PyEval_SetTrace: that raises an audit event, whose hooks are user
 * code, and it serves the calling thread only. Returns what is to die now, as
 * the caller's last deed: user code may run then, and end the thread. */
static PyObject *install(struct viv_trace *thread)
{
    PyThreadState *tstate = thread->tstate;
    PyObject *old = NULL;
    if (tstate->c_tracefunc != tracer) {
        old = thread->kept_obj;
        thread->kept_func = tstate->c_tracefunc;
        thread->kept_obj = tstate->c_traceobj; /* its reference moves here */
        tstate->c_tracefunc = tracer;
        tstate->c_traceobj = NULL;
    }
    _PyThreadState_UpdateTracingState(tstate);
    return old;
}

static void remove_tracer(struct viv_trace *thread)
{
    PyThreadState *tstate = thread->tstate;
    PyObject *kept = thread->kept_obj;
    thread->kept_obj = NULL;
    if (tstate->c_tracefunc == tracer) {
        tstate->c_tracefunc = thread->kept_func;
        tstate->c_traceobj = kept;
        kept = NULL;
    }
    thread->kept_func = NULL;
    _PyThreadState_UpdateTracingState(tstate);
    /* User code set another tracer meanwhile: that one stays. */
    Py_XDECREF(kept);
}

void viv_trace_want(struct viv_trace *thread, enum viv_trace_user user)
{
    /* A frame object is made here; a collection with it would be user code in
     * the middle of somebody else's frame. */
    int collects = PyGC_Disable();
    PyFrameObject *top = PyThreadState_GetFrame(thread->tstate);
    if (top && user != VIV_TRACE_LINES)
        top->f_trace_opcodes = 1;
    thread->users |= 1u << user;
    PyObject *old = install(thread);
    if (collects)
        PyGC_Enable();
    Py_XDECREF(top);
    Py_XDECREF(old);
}

void viv_trace_drop(struct viv_trace *thread, enum viv_trace_user user)
{
    if (!viv_trace_wanted(thread, user))
        return;
    thread->users &= ~(1u << user);
    if (thread->users == 0)
        remove_tracer(thread);
}
