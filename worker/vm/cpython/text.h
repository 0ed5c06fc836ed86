/* Python's str as protobuf wants it. No Python code runs in here. */
#ifndef VIVARIUM_VM_CPYTHON_TEXT_H
#define VIVARIUM_VM_CPYTHON_TEXT_H

#include <Python.h>
#include <stdbool.h>

#include "worker/vm/cpython/writer.h"

/* Writes a str, each surrogate as three bytes, without a tag. Whether it holds a
 * surrogate or U+0000, that is, whether it is unfit for a protobuf string. */
bool viv_text_raw(struct viv_writer *w, PyObject *str);

/* Writes a field of type string, surrogates as \udc80 and U+0000 as \x00. `max`:
 * bytes after which it is cut, at a character; 0: none. NULL is written as an
 * empty str. */
void viv_text_field(struct viv_writer *w, unsigned field, PyObject *str, size_t max);

/* A type's module and qualified name; `short_main`: without builtins and
 * __main__, as tracebacks have it. A new str, or NULL with an exception. */
PyObject *viv_text_type_name(PyTypeObject *type, bool short_main);

#endif
