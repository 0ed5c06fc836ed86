/* Safe cancellation of the code that this interpreter runs: the step hook and
 * what it does. CANCEL.md says what is guaranteed and why.
 *
 * One execution at a time, in the thread that initialised Python. Between
 * begin and end, a doorbell (viv_cancel_ring) makes the interpreter look at
 * the control page at its next step; if the page names this execution,
 * vivarium.Cancelled is raised as soon as no frame is in cleanup. Rings are
 * cheap and may come at any rate; they carry no information. While a cancel
 * waits, the ringer has to ring again every 10 ms or so: a ring is also what
 * finds out that user code has swallowed the exception. */
#ifndef VIVARIUM_VM_CPYTHON_CANCEL_H
#define VIVARIUM_VM_CPYTHON_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/control_page.h"

/* Each is told once at most in an execution, by the thread that holds the GIL,
 * possibly out of a trace function: it must run no Python code, and must not
 * block. Any may be NULL. */
struct viv_cancel_events {
    void *arg;
    void (*hook_reached)(void *arg);
    void (*deferred)(void *arg); /* the main thread is in cleanup */
    void (*left_cleanup)(void *arg);
    void (*raised)(void *arg);
};

/* Times are CLOCK_MONOTONIC in ns; 0: did not happen. */
struct viv_cancel_report {
    bool requested;
    /* Requested, but no Cancelled of ours was on its way when it ended. */
    bool undelivered;
    uint64_t hook_reached_ns;
    uint64_t raised_ns; /* the first one */
    uint64_t cleanup_deferred_ns;
    uint32_t raise_count; /* in all threads */
};

/* Once, after Py_Initialize and before any fork: module `vivarium`, PEP 419's
 * names, the handler of VIV_DOORBELL. -1 with a Python exception set. */
int viv_cancel_setup(void);

/* With the GIL. The page and the events must outlive viv_cancel_end. A cancel
 * that the page already holds is delivered at the first step. */
void viv_cancel_begin(const struct viv_control_page *page, uint64_t seq,
                      const struct viv_cancel_events *events);

/* Async-signal-safe, any thread, no GIL. VIV_DOORBELL's handler calls it. */
void viv_cancel_ring(void);

/* Called at each ring that the step hook answers while an execution runs, with the
 * GIL, in the main thread, between two instructions or inside a C function that
 * polls for signals. It must run no Python code. NULL: nobody is. */
void viv_cancel_on_ring(void (*rung)(void));

/* Whether the running execution is to be cancelled. Any thread. */
bool viv_cancel_pending(void);

/* With the GIL, from C code of ours that has stopped because of
 * viv_cancel_pending(): raises the exception here and now. Always -1. */
int viv_cancel_raise(void);

/* With the GIL, after user code has returned in the main thread and before
 * viv_cancel_end: if the execution is being cancelled, let its other threads
 * run into it, for so many milliseconds, and for as long as one of them cleans
 * up. Returns how many are left: those wait in C code that no signal of ours
 * interrupts. */
int viv_cancel_wait_threads(unsigned ms);

/* With the GIL, at once after user code has returned, before the exception
 * that it left is fetched or any other Python code runs. Nothing is raised
 * after it. */
void viv_cancel_end(struct viv_cancel_report *ret);

/* Ask from inside the process, without the page: the step limit does, and so
 * do tests. Takes the same path. With the GIL. */
void viv_cancel_request(const char *reason);

/* --- exact steps -------------------------------------------------------- */

/* Count the main thread's instructions from now to viv_cancel_end. When the
 * limit is reached (0: none) `reached` is called, by the tracer, before that
 * instruction runs. Costs a factor of about 4. */
void viv_cancel_count_steps(uint64_t limit, void (*reached)(void *arg), void *arg);
uint64_t viv_cancel_steps(void);

#endif
