/* What became of each name. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_MANIFEST_H
#define VIVARIUM_VM_CPYTHON_SCOPE_MANIFEST_H

#include <Python.h>
#include <stdint.h>

#include "worker/vm/cpython/scope/scope.h"

struct scope_entry {
    PyObject *name;   /* these are str and owned */
    PyObject *path;   /* NULL: the value itself */
    PyObject *type;   /* NULL: unknown */
    PyObject *reason; /* NULL: none */
    unsigned disposition;
    uint64_t bytes;
};

struct scope_manifest {
    struct scope_entry *entries;
    size_t count, room;
    PyTypeObject *last; /* whose name `last_type` is; both owned */
    PyObject *last_type;
};

void scope_manifest_free(struct scope_manifest *manifest);

/* The name of a type: most names of a scope are of few types. A new reference,
 * or NULL with an exception. */
PyObject *scope_manifest_type(struct scope_manifest *manifest, PyTypeObject *type);

/* Takes the entry's parts over, also where it fails. */
int scope_manifest_add(struct scope_manifest *manifest, struct scope_entry entry);

/* Serialized. -1 where memory is out. */
int scope_manifest_write(const struct scope_manifest *manifest, struct viv_pages *ret_bytes);

#endif
