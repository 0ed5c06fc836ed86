/* Where in a name's value something is, as an expression: "['rows'][3].handle". */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_PATH_H
#define VIVARIUM_VM_CPYTHON_SCOPE_PATH_H

#include <Python.h>

#include "worker/vm/cpython/scope/walk.h"

/* Where a walk that failed has come to. A new str; NULL where memory is out. */
PyObject *scope_path_of(const struct scope_walk *walk);

/* "['rows']" of a key that is plain, "[...]" of others; runs no user code. */
PyObject *scope_path_key(PyObject *key);

/* ".handle" of an identifier; else as a key. */
PyObject *scope_path_attribute(PyObject *key);

/* Appends, taking `more` over; both may be NULL, and *path becomes NULL then. */
void scope_path_add(PyObject **path, PyObject *more);

#endif
