/* Values out of their messages. Everything that they refer to must be made
 * before: see resolve.h. All fail as scope_op does, with `blamed` set where an
 * object that failed earlier is why. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_BUILD_H
#define VIVARIUM_VM_CPYTHON_SCOPE_BUILD_H

#include "worker/vm/cpython/scope/table.h"

/* Refuses the name; always NULL. */
PyObject *scope_build_damaged(struct scope_restore *r, const char *what);

/* The content of a Value, within `depth` containers. A new reference. */
PyObject *scope_build_value(struct scope_restore *r, struct scope_span body, int depth);

/* A field that is a Value; NULL where it is absent or failed (-1). */
int scope_build_field(struct scope_restore *r, const struct scope_field *field,
                      PyObject **ret_object);

/* A required one. */
PyObject *scope_build_needed(struct scope_restore *r, const struct scope_field *field,
                             const char *what);

/* text of a field of type string; "" where it is absent. */
PyObject *scope_build_text(struct scope_restore *r, const struct scope_field *field);

/* The object of the table, borrowed. */
PyObject *scope_build_ref(struct scope_restore *r, uint64_t index);

/* The key and the value of an Item. */
int scope_build_item(struct scope_restore *r, struct scope_span body, int depth, PyObject **ret_key,
                     PyObject **ret_value);

/* Adds the items of a message to a dict, a list, a set. */
int scope_build_into_dict(struct scope_restore *r, PyObject *dict, struct scope_span body,
                          int depth);
int scope_build_into_list(struct scope_restore *r, PyObject *list, struct scope_span body,
                          int depth);
int scope_build_into_set(struct scope_restore *r, PyObject *set, struct scope_span body, int depth);

/* A tuple of all occurrences of a repeated Value. */
PyObject *scope_build_repeated(struct scope_restore *r, struct scope_span body, unsigned field,
                               int depth);

#endif
