/* Exceptions as python3 prints them, with the lines of code that has no file. */
#ifndef VIVARIUM_VM_CPYTHON_TRACEBACKS_H
#define VIVARIUM_VM_CPYTHON_TRACEBACKS_H

#include <Python.h>
#include <frameobject.h>

/* The exception's, a new reference; NULL: it has none, or None for one. */
PyTracebackObject *viv_tracebacks_of(PyObject *exception);

/* Once, before user code. From then on threads' exceptions have lines, too. */
int viv_tracebacks_setup(void);

/* What python3 prints for this uncaught exception; a new str, NULL with an
 * exception. Runs user code, on any thread. Best effort: where something fails,
 * lines are missing. */
PyObject *viv_tracebacks_print(PyObject *exception, PyObject *traceback);

#endif
