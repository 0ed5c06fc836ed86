/* What an object is made of. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_DESCRIBE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_DESCRIBE_H

#include <Python.h>

#include "worker/vm/cpython/scope/nodes.h"
#include "worker/vm/cpython/scope/op.h"

struct scope_types;
struct scope_arrays;

struct scope_source {
    struct scope_op *op;
    PyObject *globals; /* the scope */
    struct scope_types *types;
    struct scope_arrays *arrays; /* those that are names; NULL: not looked for yet */
};

/* Anything but plain values. May run user code. 0, or -1 as scope_op fails;
 * `shape` is cleared then. */
int scope_describe(struct scope_source *source, PyObject *object, struct scope_shape *ret_shape);

/* The parts of it, by kind of object: -1 as above, `shape` to be cleared. */
int scope_describe_class(struct scope_source *source, PyTypeObject *type,
                         struct scope_shape *shape);
int scope_describe_wrapper(struct scope_source *source, PyObject *object,
                           struct scope_shape *shape);
int scope_describe_weak_method(struct scope_source *source, PyObject *object,
                               struct scope_shape *shape);
int scope_describe_context(struct scope_source *source, PyObject *object,
                           struct scope_shape *shape);
int scope_describe_exception(struct scope_source *source, PyObject *object,
                             struct scope_shape *shape);
int scope_describe_enum(struct scope_source *source, PyObject *object, struct scope_shape *shape);
int scope_describe_instance(struct scope_source *source, PyObject *object,
                            struct scope_shape *shape);
int scope_describe_reduced(struct scope_source *source, PyObject *object,
                           struct scope_shape *shape);

/* 1: it is a view of an array of the scope; 0: it is none; -1 as above. */
int scope_describe_view(struct scope_source *source, PyObject *object, struct scope_shape *shape);
void scope_describe_arrays_free(struct scope_source *source);

/* Adds the slots that are set to a dict, by their name in the class. */
int scope_describe_slots(PyObject *object, PyObject *slots);

/* callable(*arguments), then state. Takes over `arguments` (NULL: -1) and
 * `state` (may be NULL). */
int scope_describe_call(struct scope_shape *shape, PyObject *callable, PyObject *arguments,
                        PyObject *state);

#endif
