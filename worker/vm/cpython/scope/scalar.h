/* Values without parts, out of their fields. A new reference, or NULL as
 * scope_op fails. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_SCALAR_H
#define VIVARIUM_VM_CPYTHON_SCOPE_SCALAR_H

#include "worker/vm/cpython/scope/table.h"

PyObject *scope_scalar_constant(struct scope_restore *r, uint64_t number);
PyObject *scope_scalar_complex(struct scope_restore *r, struct scope_span body);
PyObject *scope_scalar_big_integer(struct scope_restore *r, struct scope_span bytes);
PyObject *scope_scalar_bytes(struct scope_span bytes);
PyObject *scope_scalar_bytearray(struct scope_span bytes);
PyObject *scope_scalar_text(struct scope_span bytes, const char *errors);

/* Text of a key: the same object for the same short text. */
PyObject *scope_scalar_key(struct scope_restore *r, struct scope_span bytes);

/* Always NULL: what the sender said of a value that it could not carry. */
PyObject *scope_scalar_opaque(struct scope_restore *r, struct scope_span body);

#endif
