/* asyncio's suspended tasks. A task that waits inside its finally is on no
 * stack; ending the loop would cancel it there. */
#ifndef VIVARIUM_VM_CPYTHON_CANCEL_TASKS_H
#define VIVARIUM_VM_CPYTHON_CANCEL_TASKS_H

#include <Python.h>
#include <stdbool.h>

enum viv_tasks {
    VIV_TASKS_CLEAR,
    VIV_TASKS_ENTER,   /* one is suspended while it enters an async with */
    VIV_TASKS_CLEANUP, /* one is in a finally body, or leaves an async with */
};

/* The tasks of the loop that runs in this thread. Runs no Python code: reads
 * only what asyncio's C task keeps, so that it does not see a task of another
 * kind. */
enum viv_tasks viv_cancel_tasks(PyThreadState *tstate);

bool viv_cancel_loop_runs(PyThreadState *tstate);

/* How deep in cleanup a generator, coroutine or async generator is; a
 * suspended one too. -1: not one of these. */
int viv_cancel_generator_count(PyObject *generator, bool *ret_enters);

#endif
