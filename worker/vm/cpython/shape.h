/* The shape of a result: which of its objects are reached twice or lie too
 * deep, and so stand in a table. Found before anything is written. */
#ifndef VIVARIUM_VM_CPYTHON_SHAPE_H
#define VIVARIUM_VM_CPYTHON_SHAPE_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

struct viv_shape_node {
    PyObject *object; /* borrowed; NULL: an empty place */
    int32_t index;    /* in the table of objects; -1: stands where it is used */
};

struct viv_shape {
    struct viv_shape_node *nodes; /* open addressing by address */
    size_t room, count;
    PyObject **objects; /* the table, borrowed */
    size_t object_count, object_room;
};

/* Walks from `root`. The objects must not change until the shape is freed: the
 * caller holds the GIL and runs no Python code. -1 where memory is out. */
int viv_shape_find(PyObject *root, struct viv_shape *ret_shape);
void viv_shape_free(struct viv_shape *shape);

/* Index in the table, or -1. */
int32_t viv_shape_index(const struct viv_shape *shape, PyObject *object);

/* Exactly a list, tuple, set, frozenset or dict, and not empty if immutable. */
bool viv_shape_is_container(PyObject *object);

#endif
