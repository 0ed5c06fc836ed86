/* What an object needs before it can be made, and before it can be filled. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_SCAN_H
#define VIVARIUM_VM_CPYTHON_SCOPE_SCAN_H

#include "worker/vm/cpython/scope/table.h"

/* Each puts a task for every object that is wanted and not there yet, the first
 * on top. -1: memory is out. What is damaged is found when it is built. */
int scope_scan_binding(struct scope_restore *r, struct scope_span value);
int scope_scan_creation(struct scope_restore *r, uint32_t slot);

/* A class that has its own instances among its attributes makes them itself, and
 * they can't be begun before it. 1: there is a task to be done before `slot` is
 * begun; 0: none. */
int scope_scan_class(struct scope_restore *r, uint32_t slot);

/* `stage`: a class is filled with its functions first. */
int scope_scan_fill(struct scope_restore *r, uint32_t slot, int stage);

/* Whether a value is a reference to what classes are to have first: functions,
 * and what holds them. */
bool scope_scan_is_method(struct scope_restore *r, struct scope_span value);

#endif
