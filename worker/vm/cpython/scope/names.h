/* Names that are the interpreter's and the worker's, not the scope's. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_NAMES_H
#define VIVARIUM_VM_CPYTHON_SCOPE_NAMES_H

#include <Python.h>
#include <stdbool.h>

/* `value`: NULL where there is none yet. */
bool scope_names_is_own(PyObject *name, PyObject *value);

#endif
