#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/walk.h"

#include <stdlib.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"

#define BIT(part) (1u << (part))

/* Which parts are walked: as values, and as containers whose items stand in the
 * object's own message. The others are plain text. */
static const struct {
    unsigned values, spread;
} part_ways[KIND_COUNT] = {
    [KIND_FUNCTION] = {BIT(PART_CODE) | BIT(PART_DEFAULTS) | BIT(PART_KWDEFAULTS) |
                           BIT(PART_ANNOTATIONS) | BIT(PART_DOC) | BIT(PART_ATTRIBUTES) |
                           BIT(PART_FUNCTION_MODULE) | BIT(PART_GLOBALS),
                       BIT(PART_CLOSURE)},
    [KIND_CLASS] = {BIT(PART_METACLASS), BIT(PART_BASES) | BIT(PART_NAMESPACE) | BIT(PART_VIRTUAL)},
    [KIND_CELL] = {BIT(0), 0},
    [KIND_INSTANCE] = {BIT(PART_TYPE), BIT(PART_INSTANCE_DICT) | BIT(PART_SLOTS)},
    [KIND_SHARER] = {BIT(PART_TYPE) | BIT(PART_INSTANCE_DICT), BIT(PART_SLOTS)},
    [KIND_REDUCED] = {BIT(PART_CALLABLE) | BIT(PART_ARGUMENTS) | BIT(PART_STATE) |
                          BIT(PART_SETTER) | BIT(PART_DICT),
                      BIT(PART_LIST_ITEMS) | BIT(PART_DICT_ITEMS) | BIT(PART_OWN_SLOTS)},
};

bool scope_walk_is_container(PyObject *object)
{
    if (PyTuple_CheckExact(object))
        return PyTuple_GET_SIZE(object) > 0;
    return PyList_CheckExact(object) || PyDict_CheckExact(object) || PySet_CheckExact(object) ||
           PyFrozenSet_CheckExact(object);
}

/* Plain values, but for those that `globals` or a module are. */
static bool is_leaf(PyObject *object)
{
    return PyUnicode_CheckExact(object) || PyLong_CheckExact(object) ||
           PyBytes_CheckExact(object) || PyByteArray_CheckExact(object);
}

static void pop(struct scope_walk *walk)
{
    struct scope_frame *frame = &walk->frames[--walk->depth];

    if (frame->node >= 0 && frame->part < 0)
        walk->nodes.items[frame->node].open = false;
    Py_XDECREF(frame->pending);
    Py_DECREF(frame->object);
}

void scope_walk_reset(struct scope_walk *walk)
{
    while (walk->depth > 0)
        pop(walk);
    Py_CLEAR(walk->culprit);
}

void scope_walk_free(struct scope_walk *walk)
{
    scope_walk_reset(walk);
    free(walk->frames);
    scope_nodes_free(&walk->nodes);
    scope_describe_arrays_free(&walk->source);
}

static int no_memory(struct scope_walk *walk)
{
    return scope_op_abort(walk->source.op, SCOPE_NO_MEMORY);
}

static enum scope_frame_shape shape_of(PyObject *object)
{
    if (PyDict_CheckExact(object))
        return FRAME_DICT;
    return PyAnySet_CheckExact(object) ? FRAME_SET : FRAME_ARRAY;
}

static int push(struct scope_walk *walk, struct scope_frame frame)
{
    if (walk->depth == walk->room) {
        size_t room = walk->room * 2 + 64;
        struct scope_frame *grown = realloc(walk->frames, room * sizeof(*grown));

        if (!grown)
            return no_memory(walk);
        walk->frames = grown;
        walk->room = room;
    }
    Py_INCREF(frame.object);
    walk->frames[walk->depth++] = frame;
    if (frame.node >= 0 && frame.part < 0)
        walk->nodes.items[frame.node].open = true;
    return 0;
}

static int push_container(struct scope_walk *walk, PyObject *object, int64_t node, int depth)
{
    return push(
        walk,
        (struct scope_frame){
            .object = object, .node = node, .depth = depth, .shape = shape_of(object), .part = -1});
}

static int64_t add(struct scope_walk *walk, PyObject *object, struct scope_shape *shape)
{
    int64_t node = scope_nodes_add(&walk->nodes, object, shape, walk->owner);

    if (node < 0) {
        scope_shape_clear(shape);
        no_memory(walk);
    }
    return node;
}

/* Whether a frame is the dict of the instance below it, which may well be the only
 * one to have it. */
static bool is_dict_of_below(const struct scope_walk *walk, size_t frame)
{
    const struct scope_frame *below = frame > 0 ? &walk->frames[frame - 1] : NULL;
    const struct scope_node *node;

    if (!below || below->shape != FRAME_PARTS)
        return false;
    node = &walk->nodes.items[below->node];
    return node->kind == KIND_SHARER &&
           node->parts[PART_INSTANCE_DICT] == walk->frames[frame].object;
}

/* The walk has come back to a node that it is still in. The receiver can tie
 * the loop only through objects of the table that exist before they are filled,
 * so every container of the loop is put there. */
static int tie_loop(struct scope_walk *walk, int64_t node)
{
    for (size_t i = walk->depth; i > 0; i--) {
        struct scope_frame *frame = &walk->frames[i - 1];

        if (frame->shape == FRAME_PARTS && frame->node == node)
            break;
        if (frame->part >= 0 || frame->shape == FRAME_PARTS ||
            (frame->node != node && is_dict_of_below(walk, i - 1)))
            continue;
        if (frame->node < 0) {
            frame->node = add(walk, frame->object, &(struct scope_shape){.kind = KIND_PLAIN});
            if (frame->node < 0)
                return -1;
            walk->nodes.items[frame->node].open = true;
        }
        if (scope_nodes_put_in_table(&walk->nodes, (uint32_t)frame->node) < 0)
            return no_memory(walk);
        if (frame->node == node)
            break;
    }
    return 0;
}

static int meet_again(struct scope_walk *walk, int64_t node)
{
    if (walk->nodes.items[node].open && tie_loop(walk, node) < 0)
        return -1;
    return scope_nodes_put_in_table(&walk->nodes, (uint32_t)node) < 0 ? no_memory(walk) : 0;
}

static int meet_container(struct scope_walk *walk, PyObject *object, int depth, bool table)
{
    struct scope_shape shape = {.kind = KIND_PLAIN};
    int64_t node;

    /* Nobody else has it, so it can't be met again. */
    if (Py_REFCNT(object) == 1 && depth < SCOPE_DEPTH_MAX && !table)
        return push_container(walk, object, -1, depth + 1);
    if (object == walk->source.globals)
        shape.kind = KIND_GLOBALS;
    else if (PyDict_CheckExact(object))
        scope_refer_namespace(object, &shape);
    node = add(walk, object, &shape);
    if (node < 0)
        return -1;
    if (depth >= SCOPE_DEPTH_MAX || table || shape.kind != KIND_PLAIN) {
        if (scope_nodes_put_in_table(&walk->nodes, (uint32_t)node) < 0)
            return no_memory(walk);
        depth = 0;
    }
    return shape.kind == KIND_PLAIN ? push_container(walk, object, node, depth + 1) : 0;
}

static int meet_other(struct scope_walk *walk, PyObject *object)
{
    struct scope_shape shape = {.kind = KIND_LEAF};
    int64_t node;

    if (!is_leaf(object)) {
        int rc;

        /* User code may take it out of where it was found. */
        Py_INCREF(object);
        rc = scope_describe(&walk->source, object, &shape);
        if (rc < 0) {
            Py_XSETREF(walk->culprit, object);
            return -1;
        }
        Py_DECREF(object);
    }
    node = add(walk, object, &shape);
    if (node < 0)
        return -1;
    /* Code stands in its function unless another has it as well. */
    if (shape.kind == KIND_LEAF || (shape.kind == KIND_CODE && walk->depth > 0 &&
                                    PyFunction_Check(walk->frames[walk->depth - 1].object)))
        return 0;
    if (scope_nodes_put_in_table(&walk->nodes, (uint32_t)node) < 0)
        return no_memory(walk);
    if (!part_ways[shape.kind].values && !part_ways[shape.kind].spread)
        return 0;
    return push(walk,
                (struct scope_frame){
                    .object = object, .node = node, .depth = 1, .shape = FRAME_PARTS, .part = -1});
}

/* Meets a value with `depth` containers around it; `table`: it is to be an
 * object of the table whatever it is. */
static int meet(struct scope_walk *walk, PyObject *object, int depth, bool table)
{
    int64_t node;

    if (scope_op_count(walk->source.op) < 0)
        return -1;
    if (!scope_walk_has_identity(object))
        return 0;
    node = scope_nodes_find(&walk->nodes, object);
    if (node >= 0)
        return meet_again(walk, node);
    if (scope_walk_is_container(object))
        return meet_container(walk, object, depth, table);
    return meet_other(walk, object);
}

/* --- one step ------------------------------------------------------------- */

/* The next item of the container, borrowed; NULL at its end. */
static PyObject *next_item(struct scope_frame *frame)
{
    PyObject *item = NULL, *value;
    Py_hash_t hash;

    switch (frame->shape) {
    case FRAME_DICT:
        if (!PyDict_Next(frame->object, &frame->position, &item, &value))
            return NULL;
        frame->pending = Py_NewRef(value);
        return item;
    case FRAME_SET:
        return _PySet_NextEntry(frame->object, &frame->position, &item, &hash) ? item : NULL;
    default:
        if (frame->position >= Py_SIZE(frame->object))
            return NULL;
        return PyList_CheckExact(frame->object)
                   ? PyList_GET_ITEM(frame->object, frame->position++)
                   : PyTuple_GET_ITEM(frame->object, frame->position++);
    }
}

/* Goes past items of a list or tuple that nothing has to be known of. */
static int pass_plain(struct scope_walk *walk, struct scope_frame *frame)
{
    PyObject *const *items = PySequence_Fast_ITEMS(frame->object);

    for (; frame->position < Py_SIZE(frame->object); frame->position++) {
        if (scope_walk_has_identity(items[frame->position]))
            return 0;
        if (scope_op_count(walk->source.op) < 0)
            return -1;
    }
    return 0;
}

/* 1: met one; 0: at the end; -1. */
static int step_container(struct scope_walk *walk, struct scope_frame *frame)
{
    PyObject *item = frame->pending;
    int rc;

    if (frame->shape == FRAME_ARRAY && pass_plain(walk, frame) < 0)
        return -1;
    frame->pending = NULL;
    if (!item) {
        item = next_item(frame);
        if (!item)
            return 0;
    } else if (Py_REFCNT(item) == 1) {
        /* The dict has lost it since. */
        Py_DECREF(item);
        return 1;
    } else {
        Py_DECREF(item);
    }
    rc = meet(walk, item, frame->depth, false);
    return rc < 0 ? -1 : 1;
}

/* Whether a part is to be an object of the table whatever it is. */
static bool is_table_part(const struct scope_node *node, unsigned part)
{
    if (node->kind == KIND_FUNCTION)
        return part == PART_GLOBALS;
    return node->kind == KIND_SHARER && part == PART_INSTANCE_DICT && PyModule_Check(node->object);
}

static int step_parts(struct scope_walk *walk, struct scope_frame *frame)
{
    const struct scope_node *node = &walk->nodes.items[frame->node];
    unsigned walked = part_ways[node->kind].values | part_ways[node->kind].spread;
    unsigned part = (unsigned)frame->position;
    PyObject *object;

    while (part < scope_part_count[node->kind] && !(node->parts[part] && walked & BIT(part)))
        part++;
    frame->position = part + 1;
    if (part >= scope_part_count[node->kind])
        return 0;
    object = node->parts[part];
    if (part_ways[node->kind].spread & BIT(part)) {
        struct scope_frame spread = {.object = object,
                                     .node = -1,
                                     .depth = frame->depth,
                                     .shape = shape_of(object),
                                     .part = (int8_t)part};

        return push(walk, spread) < 0 ? -1 : 1;
    }
    return meet(walk, object, frame->depth, is_table_part(node, part)) < 0 ? -1 : 1;
}

int scope_walk_name(struct scope_walk *walk, PyObject *value, uint32_t owner)
{
    int rc;

    walk->owner = owner;
    rc = meet(walk, value, 0, false);
    while (rc >= 0 && walk->depth > 0) {
        struct scope_frame *frame = &walk->frames[walk->depth - 1];

        rc = frame->shape == FRAME_PARTS ? step_parts(walk, frame) : step_container(walk, frame);
        if (rc == 0)
            pop(walk);
    }
    return rc < 0 ? -1 : 0;
}

/* A dict that nobody else had when its object was walked may have been met since:
 * a reduce brought it in. */
int scope_walk_finish(struct scope_walk *walk)
{
    struct scope_nodes *nodes = &walk->nodes;

    for (uint32_t i = 0; i < nodes->count; i++) {
        struct scope_node *node = &nodes->items[i];
        PyObject *dict = node->kind == KIND_INSTANCE ? node->parts[PART_INSTANCE_DICT] : NULL;
        int64_t found = dict && Py_REFCNT(dict) > 2 ? scope_nodes_find(nodes, dict) : -1;

        if (found < 0)
            continue;
        node->kind = KIND_SHARER;
        if (scope_nodes_put_in_table(nodes, (uint32_t)found) < 0)
            return no_memory(walk);
    }
    return 0;
}
