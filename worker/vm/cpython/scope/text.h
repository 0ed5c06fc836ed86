/* Names and messages as str. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_TEXT_H
#define VIVARIUM_VM_CPYTHON_SCOPE_TEXT_H

#include <Python.h>
#include <stdbool.h>

/* "TypeError: cannot pickle ...". `type` may be NULL; runs user code
 * (`__str__`). NULL where memory is out; may leave an exception. */
PyObject *scope_text_exception(PyObject *type, PyObject *value);

/* Whether a protobuf string can hold it: no surrogates, no U+0000. */
bool scope_text_fits(PyObject *str);

#endif
