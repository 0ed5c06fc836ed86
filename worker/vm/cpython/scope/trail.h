/* By which way a name of a snapshot leads to an object that failed. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_TRAIL_H
#define VIVARIUM_VM_CPYTHON_SCOPE_TRAIL_H

#include "worker/vm/cpython/scope/table.h"

/* From a Value to `slot`, which it refers to, and on to what that failed by. A
 * new str; NULL where memory is out. */
PyObject *scope_trail(const struct scope_restore *r, struct scope_span value, uint32_t slot);

#endif
