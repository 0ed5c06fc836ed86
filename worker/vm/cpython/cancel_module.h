/* Module `vivarium`, as user code sees it. */
#ifndef VIVARIUM_VM_CPYTHON_CANCEL_MODULE_H
#define VIVARIUM_VM_CPYTHON_CANCEL_MODULE_H

#include <Python.h>

/* -1 with a Python exception set. */
int viv_cancel_module_setup(void);

/* A vivarium.Cancelled with this reason (UTF-8, repaired if it is not). New
 * reference, or NULL with a Python exception set. */
PyObject *viv_cancelled_new(const char *reason);

/* The type; borrowed. */
PyObject *viv_cancelled_type(void);

#endif
