/* Objects of the table, by kind. All as scope_op fails. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_CREATE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_CREATE_H

#include "worker/vm/cpython/scope/table.h"

/* Makes the object of a slot, as far as it can be made without what may refer
 * back to it. What scope_scan_creation() asked for is there. */
PyObject *scope_create(struct scope_restore *r, uint32_t slot);

/* The object of a reference, which is made on the spot if that needs nothing
 * else: cells and containers. Borrowed. */
PyObject *scope_create_ref(struct scope_restore *r, struct scope_span value);

/* Completes it. `stage` as in scope_scan_fill(); 1: there is a next stage. */
int scope_fill(struct scope_restore *r, uint32_t slot, int stage);

/* By kind, out of the message. */
PyObject *scope_create_function(struct scope_restore *r, struct scope_span body);
int scope_fill_function(struct scope_restore *r, PyObject *object, struct scope_span body);
PyObject *scope_create_code(struct scope_restore *r, struct scope_span bytes);
PyObject *scope_create_class(struct scope_restore *r, struct scope_span body);
int scope_fill_class(struct scope_restore *r, PyObject *object, struct scope_span body, int stage);
PyObject *scope_create_instance(struct scope_restore *r, struct scope_span body);

/* Where the slot is an unfinished instance, gives it those of its attributes that
 * need nothing that is not there, so that it can be hashed: nodes of a graph are
 * keys in each other's dicts, and mostly hashed by a name or numbers. */
int scope_fill_early(struct scope_restore *r, struct scope_slot *slot);
PyObject *scope_create_sharer(struct scope_restore *r, struct scope_span body);
int scope_fill_sharer(struct scope_restore *r, PyObject *object, struct scope_span body);

/* The items of a dict that is created; it may have come early by some. */
int scope_fill_dict(struct scope_restore *r, const struct scope_slot *slot, PyObject *dict,
                    struct scope_span items);
int scope_fill_slots(struct scope_restore *r, PyObject *object, struct scope_span slots);
int scope_fill_instance(struct scope_restore *r, struct scope_slot *slot);
PyObject *scope_create_reduced(struct scope_restore *r, struct scope_span body);
int scope_fill_reduced(struct scope_restore *r, PyObject *object, struct scope_span body);
PyObject *scope_create_module(struct scope_restore *r, struct scope_span name);
PyObject *scope_create_package(struct scope_restore *r, uint32_t slot);
PyObject *scope_create_global(struct scope_restore *r, struct scope_span body);

#endif
