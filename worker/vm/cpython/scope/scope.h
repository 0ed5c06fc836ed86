/* A namespace as a serialized vivarium.v1.ScopeSnapshot, and back.
 *
 * Both directions go name by name: whatever goes wrong with one, user code that
 * raises included, costs that name and is in the manifest. They fail as a whole
 * only where `should_stop` says so, a cap is reached, memory is out, or the
 * snapshot is no snapshot. No recursion grows with the data.
 *
 * Both run user code (__reduce_ex__, __getstate__, __setstate__, __hash__,
 * imports). The caller holds the GIL. No exception is left pending. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_SCOPE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_SCOPE_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "worker/vm/cpython/writer.h"

#define SCOPE_FORMAT_VERSION 1

struct scope_caps {
    /* Most bytes of a snapshot, either way; memory is reserved by it, not
     * taken. 0: SCOPE_BYTES_DEFAULT. */
    size_t bytes;
    /* Most values of a snapshot, each item of a container counted; by about a
     * thousand it may be exceeded. 0: SCOPE_OBJECTS_DEFAULT. */
    uint64_t objects;
    /* Whether to give up as a whole (VIV_CANCELLED): asked every thousand
     * values or so, and whenever user code raised. It reads a flag; it must run
     * no Python code, signal handlers included, which could change what is
     * being written. NULL: never. */
    bool (*should_stop)(void *arg);
    void *arg;
};

#define SCOPE_BYTES_DEFAULT (size_t)(256u * 1024 * 1024)
#define SCOPE_OBJECTS_DEFAULT UINT64_C(50000000)

/* Once, before user code runs: looks up all that the engine calls by itself, so
 * that nothing that user code replaces later takes its place. -1 with a Python
 * exception pending. */
int scope_setup(void);

/* Serializes `globals` and a vivarium.v1.Manifest of it. The interpreter's own
 * names (`__builtins__`, `__name__`, `__file__`, `__spec__`, ...) are no part of
 * a scope and in neither. A name whose value holds, however deep, something
 * that can't travel is left out whole: a list that came back shorter than it
 * went would be worse than a name that is missing. */
int scope_snapshot(PyObject *globals, const struct scope_caps *caps, struct viv_pages *ret_snapshot,
                   struct viv_pages *ret_manifest, struct viv_error *err);

/* Sets the names of a snapshot in `globals`, in its order; names that are there
 * already are replaced, others stay. After a failure some names may have been
 * set. `data` must stay until the return. A forged code object can crash the
 * process: only for a jailed one. */
int scope_restore(PyObject *globals, const void *data, size_t len, const struct scope_caps *caps,
                  struct viv_pages *ret_manifest, struct viv_error *err);

#endif
