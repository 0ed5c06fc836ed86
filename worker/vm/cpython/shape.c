#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/shape.h"

#include <stdlib.h>

/* Most containers around a value before it moves to the table, as scope.proto
 * promises. */
#define DEPTH_MAX 16

/* Immutable leaves up to this size are written again wherever they occur. */
#define SMALL_LEAF 64

/* A container on the way down, and how far its items have been walked. */
struct step {
    PyObject *object;
    Py_ssize_t position;
    PyObject *pending; /* the value of a dict item whose key was walked */
    int depth;
};

struct walk {
    struct viv_shape *shape;
    struct step *steps;
    size_t depth, room;
};

bool viv_shape_is_container(PyObject *object)
{
    if (PyTuple_CheckExact(object))
        return PyTuple_GET_SIZE(object) > 0;
    if (PyFrozenSet_CheckExact(object))
        return PySet_GET_SIZE(object) > 0;
    return PyList_CheckExact(object) || PyDict_CheckExact(object) || PySet_CheckExact(object);
}

/* Whose identity is worth keeping: what can be changed, what holds such, and
 * leaves that would cost much to write twice. */
static bool has_identity(PyObject *object)
{
    if (PyUnicode_CheckExact(object))
        return PyUnicode_GET_LENGTH(object) > SMALL_LEAF;
    if (PyBytes_CheckExact(object))
        return PyBytes_GET_SIZE(object) > SMALL_LEAF;
    if (PyLong_CheckExact(object))
        return Py_ABS(Py_SIZE(object)) > SMALL_LEAF / 4;
    return PyByteArray_CheckExact(object) || viv_shape_is_container(object);
}

static size_t place_of(const struct viv_shape *shape, PyObject *object)
{
    size_t at = (size_t)((uintptr_t)object >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20;

    for (at &= shape->room - 1; shape->nodes[at].object && shape->nodes[at].object != object;)
        at = (at + 1) & (shape->room - 1);
    return at;
}

int32_t viv_shape_index(const struct viv_shape *shape, PyObject *object)
{
    /* Leaves without an identity are not in it: don't look. */
    if (shape->object_count == 0 || !has_identity(object))
        return -1;
    return shape->nodes[place_of(shape, object)].index;
}

static int grow_nodes(struct viv_shape *shape)
{
    struct viv_shape bigger = *shape;

    bigger.room = shape->room ? shape->room * 2 : 64;
    bigger.nodes = calloc(bigger.room, sizeof(*bigger.nodes));
    if (!bigger.nodes)
        return -1;
    for (size_t i = 0; i < bigger.room; i++)
        bigger.nodes[i].index = -1;
    for (size_t i = 0; i < shape->room; i++)
        if (shape->nodes[i].object)
            bigger.nodes[place_of(&bigger, shape->nodes[i].object)] = shape->nodes[i];
    free(shape->nodes);
    *shape = bigger;
    return 0;
}

static int put_in_table(struct viv_shape *shape, struct viv_shape_node *node)
{
    if (node->index >= 0)
        return 0;
    if (shape->object_count == shape->object_room) {
        size_t room = shape->object_room * 2 + 16;
        PyObject **grown = room > INT32_MAX ? NULL : realloc(shape->objects, room * sizeof(*grown));

        if (!grown)
            return -1;
        shape->objects = grown;
        shape->object_room = room;
    }
    node->index = (int32_t)shape->object_count;
    shape->objects[shape->object_count++] = node->object;
    return 0;
}

static int push(struct walk *walk, PyObject *object, int depth)
{
    if (walk->depth == walk->room) {
        size_t room = walk->room * 2 + 64;
        struct step *grown = realloc(walk->steps, room * sizeof(*grown));

        if (!grown)
            return -1;
        walk->steps = grown;
        walk->room = room;
    }
    walk->steps[walk->depth++] = (struct step){.object = object, .depth = depth};
    return 0;
}

/* Meets an object with `depth` containers around it. */
static int meet(struct walk *walk, PyObject *object, int depth)
{
    struct viv_shape *shape = walk->shape;
    struct viv_shape_node *node;

    if (!has_identity(object))
        return 0;
    if ((shape->count + 1) * 2 > shape->room && grow_nodes(shape) < 0)
        return -1;
    node = &shape->nodes[place_of(shape, object)];
    if (node->object)
        return put_in_table(shape, node);
    node->object = object;
    shape->count++;
    if (!viv_shape_is_container(object))
        return 0;
    if (depth == DEPTH_MAX) {
        if (put_in_table(shape, node) < 0)
            return -1;
        depth = 0;
    }
    return push(walk, object, depth + 1);
}

/* The next item of a container, or NULL. */
static PyObject *next_item(struct step *step)
{
    PyObject *key, *item = step->pending;
    Py_hash_t hash;

    if (item) {
        step->pending = NULL;
        return item;
    }
    if (PyDict_CheckExact(step->object))
        return PyDict_Next(step->object, &step->position, &key, &step->pending) ? key : NULL;
    if (PyAnySet_Check(step->object))
        return _PySet_NextEntry(step->object, &step->position, &item, &hash) ? item : NULL;
    if (step->position >= Py_SIZE(step->object))
        return NULL;
    return PyList_CheckExact(step->object) ? PyList_GET_ITEM(step->object, step->position++)
                                           : PyTuple_GET_ITEM(step->object, step->position++);
}

int viv_shape_find(PyObject *root, struct viv_shape *ret_shape)
{
    struct viv_shape shape = {0};
    struct walk walk = {.shape = &shape};
    int rc = meet(&walk, root, 0);

    while (rc == 0 && walk.depth > 0) {
        struct step *step = &walk.steps[walk.depth - 1];
        PyObject *item = next_item(step);

        if (item)
            rc = meet(&walk, item, step->depth);
        else
            walk.depth--;
    }
    free(walk.steps);
    if (rc < 0)
        viv_shape_free(&shape);
    else
        *ret_shape = shape;
    return rc;
}

void viv_shape_free(struct viv_shape *shape)
{
    free(shape->nodes);
    free(shape->objects);
    *shape = (struct viv_shape){0};
}
