/* What scan.c and scan_class.c share. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_SCAN_PARTS_H
#define VIVARIUM_VM_CPYTHON_SCOPE_SCAN_PARTS_H

#include "worker/vm/cpython/scope/table.h"

/* A task, unless the object is as far already or is being made. */
int scope_scan_want(struct scope_restore *r, uint64_t index, enum scope_goal goal);

/* Whatever a Value or an Item refers to. What is hashed must be complete. */
int scope_scan_value(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                     int depth);
int scope_scan_item(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                    int depth);

/* The index of a Value that is a reference; -1. */
int64_t scope_scan_reference(struct scope_span value);

/* Whether a value stands for itself: no reference, and no container that may be
 * changed. `depth`: of the containers around it. */
bool scope_scan_is_scalar(struct scope_span value, int depth);

bool scope_scan_is(struct scope_span text, const char *wanted);

int scope_scan_class_creation(struct scope_restore *r, struct scope_span body);
int scope_scan_class_fill(struct scope_restore *r, struct scope_span body, bool methods);

#endif
