/* Goes through all that a name leads to, and notes what must stand in the table
 * of objects. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_WALK_H
#define VIVARIUM_VM_CPYTHON_SCOPE_WALK_H

#include <Python.h>
#include <stdbool.h>

#include "worker/vm/cpython/scope/describe.h"
#include "worker/vm/cpython/scope/nodes.h"
#include "worker/vm/cpython/scope/op.h"

/* How the items of what is walked are reached. */
enum scope_frame_shape { FRAME_ARRAY, FRAME_DICT, FRAME_SET, FRAME_PARTS };

/* One object on the way from the name to where the walk is. */
struct scope_frame {
    PyObject *object;    /* owned */
    PyObject *pending;   /* the value of a dict item whose key was met; owned */
    Py_ssize_t position; /* of the next item */
    int64_t node;        /* -1: none */
    int depth;           /* of the items */
    enum scope_frame_shape shape;
    int8_t part; /* which part of the frame below this is; -1: an object itself */
};

struct scope_walk {
    struct scope_source source;
    struct scope_nodes nodes;
    struct scope_frame *frames;
    size_t depth, room;
    uint32_t owner;
    PyObject *culprit; /* what failed; owned, may be NULL */
};

void scope_walk_free(struct scope_walk *walk);

/* 0; -1 as scope_op fails: the frames then lead to the culprit, until
 * scope_walk_reset(). */
int scope_walk_name(struct scope_walk *walk, PyObject *value, uint32_t owner);
void scope_walk_reset(struct scope_walk *walk);

/* After the last name. -1 where memory is out. */
int scope_walk_finish(struct scope_walk *walk);

bool scope_walk_is_container(PyObject *object);

/* Immutable leaves up to this size are written again wherever they occur. */
#define SCOPE_SMALL_LEAF 64

/* Whether an object can be told from an equal one, or is large. */
static inline bool scope_walk_has_identity(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyUnicode_Type)
        return PyUnicode_GET_LENGTH(object) > SCOPE_SMALL_LEAF;
    if (type == &PyLong_Type)
        return Py_ABS(Py_SIZE(object)) > SCOPE_SMALL_LEAF / 4;
    if (type == &PyFloat_Type || type == &PyBool_Type || type == &PyComplex_Type ||
        object == Py_None || object == Py_Ellipsis || object == Py_NotImplemented)
        return false;
    if (type == &PyBytes_Type)
        return PyBytes_GET_SIZE(object) > SCOPE_SMALL_LEAF;
    if (type == &PyTuple_Type)
        return PyTuple_GET_SIZE(object) > 0;
    return true;
}

#endif
