#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/pep419_hook.h"

#include <internal/pycore_frame.h>
#include <opcode.h>
#include <stdlib.h>

#include "worker/vm/cpython/cleanup_map.h"
#include "worker/vm/cpython/trace.h"

typedef struct _PyInterpreterFrame frame_t;

static uint32_t count_at(const frame_t *frame)
{
    return viv_cleanup_map_at(viv_cleanup_map_get(frame->f_code), _PyInterpreterFrame_LASTI(frame))
        .count;
}

/* --- the count that each frame had when last seen ------------------------ */

static struct viv_trace_level *find(struct viv_trace_pep419 *pep, const frame_t *frame)
{
    for (uint32_t i = pep->used; i > 0; i--)
        if (pep->levels[i - 1].frame == frame)
            return &pep->levels[i - 1];
    return NULL;
}

/* Returns what it was. Frames out of cleanup are not kept. */
static uint32_t set_level(struct viv_trace_pep419 *pep, frame_t *frame, uint32_t count)
{
    struct viv_trace_level *level = find(pep, frame);
    uint32_t old = level ? level->count : 0;
    if (level && count > 0)
        level->count = count;
    else if (level)
        *level = pep->levels[--pep->used];
    if (level || count == 0)
        return old;
    if (pep->used == pep->room) {
        uint32_t room = pep->room ? 2 * pep->room : 16;
        void *grown = realloc(pep->levels, room * sizeof(*pep->levels));
        if (!grown)
            return old;
        pep->levels = grown;
        pep->room = room;
    }
    pep->levels[pep->used++] = (struct viv_trace_level){.frame = frame, .count = count};
    return old;
}

/* --- the hook ------------------------------------------------------------ */

static void remove_hook(struct viv_trace *thread)
{
    PyObject *old = thread->pep.hook;
    thread->pep.hook = NULL;
    thread->pep.used = 0;
    viv_trace_drop(thread, VIV_TRACE_PEP419);
    Py_XDECREF(old);
}

/* As with sys.settrace: a hook that raises is not called again. It would raise
 * anew out of each finally that its own exception unwinds. */
static int call_hook(struct viv_trace *thread, PyFrameObject *frame, uint32_t times)
{
    for (; times > 0 && thread->pep.hook; times--) {
        PyObject *hook = Py_NewRef(thread->pep.hook);
        PyObject *value = PyObject_CallOneArg(hook, (PyObject *)frame);
        Py_DECREF(hook);
        if (!value) {
            PyObject *type, *error, *trace;
            PyErr_Fetch(&type, &error, &trace);
            remove_hook(thread);
            PyErr_Restore(type, error, trace);
            return -1;
        }
        Py_DECREF(value);
    }
    return 0;
}

static int on_instruction(struct viv_trace *thread, PyFrameObject *frame)
{
    uint32_t count = count_at(frame->f_frame);
    uint32_t old = set_level(&thread->pep, frame->f_frame, count);
    return old > count ? call_hook(thread, frame, old - count) : 0;
}

static bool is_yield(const frame_t *frame)
{
    uint8_t op = _Py_OPCODE(*frame->prev_instr);
    return frame->owner == FRAME_OWNED_BY_GENERATOR && (op == YIELD_VALUE || op == SEND);
}

static int on_return(struct viv_trace *thread, PyFrameObject *frame, PyObject *value)
{
    uint32_t old = set_level(&thread->pep, frame->f_frame, 0);
    if (old == 0 || (value && is_yield(frame->f_frame)))
        return 0;
    const frame_t *outer = thread->pep.leaving;
    thread->pep.leaving = frame->f_frame;
    int status = call_hook(thread, frame, old);
    thread->pep.leaving = outer;
    return status;
}

static int on_event(struct viv_trace *thread, PyFrameObject *frame, int what, PyObject *arg)
{
    switch (what) {
    case PyTrace_CALL: /* a generator may go on where it is in cleanup */
        set_level(&thread->pep, frame->f_frame, count_at(frame->f_frame));
        return 0;
    case PyTrace_OPCODE:
        return on_instruction(thread, frame);
    case PyTrace_RETURN:
        return on_return(thread, frame, arg);
    default:
        return 0;
    }
}

static void note_stack(struct viv_trace *thread)
{
    frame_t *f = thread->tstate->cframe->current_frame;
    thread->pep.used = 0;
    for (; f; f = f->previous)
        if (!_PyFrame_IsIncomplete(f) && !viv_pep419_hook_is_leaving(f))
            set_level(&thread->pep, f, count_at(f));
}

PyObject *viv_pep419_set_hook(PyObject *self, PyObject *callback)
{
    if (callback != Py_None && !PyCallable_Check(callback))
        return PyErr_Format(PyExc_TypeError, "a callable or None is required, not %.200s",
                            Py_TYPE(callback)->tp_name);
    struct viv_trace *thread = viv_trace_of(PyThreadState_Get());
    if (!thread)
        return PyErr_NoMemory();
    PyObject *old = thread->pep.hook ? thread->pep.hook : Py_NewRef(Py_None);
    thread->pep.hook = NULL;
    if (callback == Py_None) {
        remove_hook(thread);
        return old;
    }
    thread->pep.hook = Py_NewRef(callback);
    note_stack(thread);
    viv_trace_want(thread, VIV_TRACE_PEP419);
    return old;
}

bool viv_pep419_hook_is_leaving(const frame_t *frame)
{
    struct viv_trace *thread = viv_trace_find(PyThreadState_Get());
    return thread && thread->pep.leaving == frame;
}

void viv_pep419_hook_setup(void)
{
    viv_trace_register(VIV_TRACE_PEP419, on_event);
}
