/* The one C tracer of a thread, and who is using it.
 *
 * 3.11 has one trace function per thread and no other way to be told of an
 * instruction before it runs. Four users share it: a cancel that waits for
 * its moment, the step counter, PEP 419's cleanup hook, and the record of lines,
 * which alone needs no instructions. While none of them
 * wants it, nothing is installed and the thread runs at full speed; a tracer
 * that user code had set is put back. */
#ifndef VIVARIUM_VM_CPYTHON_TRACE_H
#define VIVARIUM_VM_CPYTHON_TRACE_H

#include <Python.h>
#include <frameobject.h>
#include <stdbool.h>
#include <stdint.h>

struct _PyInterpreterFrame;

enum viv_trace_user {
    VIV_TRACE_STEPS,
    VIV_TRACE_LINES,
    VIV_TRACE_PEP419,
    VIV_TRACE_CANCEL,
    VIV_TRACE_USERS
};

/* What the cancel engine knows of a thread. Addresses of frames are compared
 * and never followed: a frame may be gone. */
struct viv_trace_cancel {
    struct _PyInterpreterFrame *watch; /* the outermost frame in cleanup */
    PyObject *raised;                  /* the Cancelled last raised here */
    bool unconfirmed;                  /* raised out of C code that may have lost it */
    uint32_t quiet;                    /* rings since raised could last be seen at work */
    uint32_t stuck;                    /* rings without one event of the tracer */
    uint64_t events_at_ring;
    uint32_t enters; /* how often an entering task has */
    uint32_t loops;  /* how often code under an asyncio loop has */
    uint32_t tails;  /* how often a tail has put the raise off */
};

struct viv_trace_pep419 {
    PyObject *hook;
    struct viv_trace_level {
        struct _PyInterpreterFrame *frame;
        uint32_t count;
    } * levels;                                /* frames that were last seen in cleanup */
    const struct _PyInterpreterFrame *leaving; /* while the hook is told so */
    uint32_t used, room;
};

struct viv_trace {
    PyThreadState *tstate;
    uint64_t tstate_id;
    unsigned users;         /* bits of enum viv_trace_user */
    Py_tracefunc kept_func; /* what user code had set */
    PyObject *kept_obj;
    uint64_t events;
    struct viv_trace_cancel cancel;
    struct viv_trace_pep419 pep;
    struct viv_trace *next;
};

/* As a Py_tracefunc; what is said of a -1 there holds here. */
typedef int viv_trace_fn(struct viv_trace *thread, PyFrameObject *frame, int what, PyObject *arg);
void viv_trace_register(enum viv_trace_user user, viv_trace_fn *fn);

/* All of these need the GIL. The record of a thread is made when first asked
 * for (NULL: out of memory) and lives until viv_trace_prune finds the thread
 * gone. */
struct viv_trace *viv_trace_of(PyThreadState *tstate);
struct viv_trace *viv_trace_find(const PyThreadState *tstate);
struct viv_trace *viv_trace_first(void);
void viv_trace_prune(void);

/* Idempotent. Takes effect at the next instruction of that thread, also in
 * frames that are already running. Raises no audit event. */
void viv_trace_want(struct viv_trace *thread, enum viv_trace_user user);
void viv_trace_drop(struct viv_trace *thread, enum viv_trace_user user);

static inline bool viv_trace_wanted(const struct viv_trace *thread, enum viv_trace_user user)
{
    return thread->users & (1u << user);
}

#endif
