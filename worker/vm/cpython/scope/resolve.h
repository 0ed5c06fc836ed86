/* Makes objects of the table in the order in which they need each other. The
 * stack of what is under way is explicit: no recursion, however deep. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_RESOLVE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_RESOLVE_H

#include "worker/vm/cpython/scope/table.h"

/* Makes everything that a value refers to, as far as it can be made; what
 * failed is in the slots. -1: the operation has ended. */
int scope_resolve(struct scope_restore *r, struct scope_span value, uint32_t owner);

/* The object by which `slot` failed in the end, and its reason (borrowed). */
uint32_t scope_resolve_culprit(const struct scope_restore *r, uint32_t slot, PyObject **ret_reason);

#endif
