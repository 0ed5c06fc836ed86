/* What travels by name: whatever the receiver finds in a module of its own. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_REFER_H
#define VIVARIUM_VM_CPYTHON_SCOPE_REFER_H

#include <Python.h>
#include <stdbool.h>

#include "worker/vm/cpython/scope/nodes.h"

/* A loaded module that another process could import by that name: not
 * `__main__`, not one that user code put together itself. Borrowed, or NULL. */
PyObject *scope_refer_module(PyObject *name);

/* Whether a module travels by its name; if so its name, borrowed. */
PyObject *scope_refer_module_name(PyObject *module);

/* Each fills in `shape` and returns 1 where the name leads back to the very
 * object; 0 where it doesn't; -1 where memory is out. No exception is left. */
int scope_refer(PyObject *object, PyObject *module, PyObject *qualname, struct scope_shape *shape);

/* `name`: as `__reduce__` gave it; the module is the object's, or searched. */
int scope_refer_name(PyObject *object, PyObject *name, struct scope_shape *shape);

int scope_refer_class(PyTypeObject *type, struct scope_shape *shape);

/* The `__dict__` of a module. */
int scope_refer_namespace(PyObject *dict, struct scope_shape *shape);

/* What `module.qualname` leads to; NULL without an exception. */
PyObject *scope_refer_resolve(PyObject *module, PyObject *qualname);

/* Follows a dotted name from an object; NULL with an exception. */
PyObject *scope_refer_follow(PyObject *object, PyObject *qualname);

#endif
