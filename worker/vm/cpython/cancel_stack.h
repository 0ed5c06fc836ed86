/* Where does a thread stand? Reads only: no frame object is made, no Python
 * code runs. */
#ifndef VIVARIUM_VM_CPYTHON_CANCEL_STACK_H
#define VIVARIUM_VM_CPYTHON_CANCEL_STACK_H

#include <Python.h>
#include <stdbool.h>

struct _PyInterpreterFrame;

enum viv_place_kind {
    VIV_PLACE_CLEAR,
    VIV_PLACE_GAP,         /* raising has to wait for some instructions */
    VIV_PLACE_IMPORT,      /* the same, in importlib */
    VIV_PLACE_TAIL,        /* the same, on the way out of a call */
    VIV_PLACE_LOOP,        /* under asyncio's loop: outermost is the loop's frame */
    VIV_PLACE_CLEANUP,     /* a frame is in cleanup: outermost says which */
    VIV_PLACE_TASK,        /* a suspended asyncio task is */
    VIV_PLACE_TASK_ENTERS, /* one enters an async with, none is in cleanup */
};

struct viv_place {
    enum viv_place_kind kind;
    struct _PyInterpreterFrame *outermost;
    /* All that is in cleanup is entering, and the C function that the top
     * frame calls is what enters. */
    bool enters_in_c;
    /* The top frame's instruction jumps back. */
    bool back;
    /* With LOOP: the top frame is asyncio's own code. */
    bool in_loop;
};

/* next: the top frame is about to run its instruction (a tracer asks);
 * otherwise it is still running it. */
struct viv_place viv_cancel_place(PyThreadState *tstate, bool next);

/* Whether an exception is being raised or handled in this thread. */
bool viv_cancel_is_at_work(PyThreadState *tstate, PyObject *exception);

#endif
