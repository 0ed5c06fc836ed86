/* How a cancel reaches the frames of a thread: used by cancel.c only. */
#ifndef VIVARIUM_VM_CPYTHON_CANCEL_DELIVER_H
#define VIVARIUM_VM_CPYTHON_CANCEL_DELIVER_H

#include <Python.h>
#include <stdbool.h>

struct viv_trace;

/* What delivery needs of the execution. */
struct viv_cancel_run {
    bool (*requested)(const PyThreadState *tstate); /* of this thread */
    PyObject *(*make_exception)(void);              /* new reference, or NULL: error set */
    void (*note_deferred)(PyThreadState *tstate);
    void (*note_left)(PyThreadState *tstate);
    void (*note_raised)(PyThreadState *tstate);
};

void viv_cancel_deliver_setup(const struct viv_cancel_run *run);

/* The signal's half, in the main thread: in_c, if a C function polls for
 * signals; otherwise it is between two instructions. 0, or -1 with the
 * exception set: the C function must fail with it. */
int viv_cancel_deliver_main(bool in_c);

/* Arm all other threads of the main interpreter. */
void viv_cancel_deliver_others(void);

/* From a tracer: treat the coming instruction as a ring has found it. */
int viv_cancel_deliver_here(struct viv_trace *thread);

/* Take everything back, in every thread. */
void viv_cancel_deliver_disarm(void);
void viv_cancel_deliver_forget(void);

/* Whether a Cancelled of ours is still held by somebody else, in this thread. */
bool viv_cancel_deliver_is_under_way(void);

#endif
