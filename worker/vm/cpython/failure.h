/* An exception as vivarium.v1.Error. */
#ifndef VIVARIUM_VM_CPYTHON_FAILURE_H
#define VIVARIUM_VM_CPYTHON_FAILURE_H

#include <Python.h>

#include "worker/vm/cpython/writer.h"

/* What an exception says; taking it down runs user code (`__str__`). */
struct viv_failure {
    PyObject *exception; /* with its traceback */
    PyObject *message;   /* str */
    PyObject *traceback; /* str */
};

/* The pending exception, normalized, with its traceback; none is pending
 * afterwards. */
PyObject *viv_failure_fetch(void);

/* Asks an exception. Runs user code; clears what that raises. */
void viv_failure_describe(PyObject *exception, struct viv_failure *ret_failure);
void viv_failure_free(struct viv_failure *failure);

/* Writes it as a field of type Error; runs no Python code. */
void viv_failure_field(struct viv_writer *w, unsigned field, const struct viv_failure *failure);
/* Its type, and so many bytes of its message. */
void viv_failure_brief_field(struct viv_writer *w, unsigned field,
                             const struct viv_failure *failure, size_t message_max);

/* Gives the pending SyntaxError of the running code the line that it is about:
 * the compiler looks for it in a file. */
void viv_failure_complete_syntax(void);

#endif
