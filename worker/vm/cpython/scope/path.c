#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/path.h"

/* A path is for people: a loop of thousands of steps is cut. */
#define PATH_MAX_LENGTH 500
#define KEY_MAX 60

PyObject *scope_path_key(PyObject *key)
{
    if (PyUnicode_CheckExact(key) && PyUnicode_GET_LENGTH(key) > KEY_MAX)
        return PyUnicode_FromString("[...]");
    if (PyUnicode_CheckExact(key) || PyFloat_CheckExact(key) || PyBool_Check(key) ||
        key == Py_None || (PyLong_CheckExact(key) && Py_ABS(Py_SIZE(key)) < 4) ||
        (PyBytes_CheckExact(key) && PyBytes_GET_SIZE(key) < KEY_MAX))
        return PyUnicode_FromFormat("[%R]", key);
    return PyUnicode_FromString("[...]");
}

PyObject *scope_path_attribute(PyObject *key)
{
    if (PyUnicode_CheckExact(key) && PyUnicode_IsIdentifier(key))
        return PyUnicode_FromFormat(".%U", key);
    return scope_path_key(key);
}

void scope_path_add(PyObject **path, PyObject *more)
{
    if (*path && more && PyUnicode_GET_LENGTH(*path) >= PATH_MAX_LENGTH)
        Py_DECREF(more);
    else
        PyUnicode_AppendAndDel(path, more);
}

/* The key that the walk of a dict has come to. */
static PyObject *current_key(const struct scope_frame *frame)
{
    PyObject *key, *value, *last = NULL;
    Py_ssize_t position = 0;

    while (position < frame->position && PyDict_Next(frame->object, &position, &key, &value))
        last = key;
    return last;
}

static PyObject *dict_step(const struct scope_frame *frame, bool attribute)
{
    PyObject *key = current_key(frame);

    if (!key)
        return PyUnicode_FromString("[...]");
    if (frame->pending)
        return PyUnicode_FromString(".<key>");
    return attribute ? scope_path_attribute(key) : scope_path_key(key);
}

static PyObject *container_step(const struct scope_frame *frame, bool attribute)
{
    switch (frame->shape) {
    case FRAME_DICT:
        return dict_step(frame, attribute);
    case FRAME_SET:
        return PyUnicode_FromString(".<item>");
    default:
        return PyUnicode_FromFormat("[%zd]", frame->position - 1);
    }
}

/* Items that a reduce gave: a flat list of keys and values. */
static PyObject *pair_step(const struct scope_frame *frame)
{
    Py_ssize_t at = frame->position - 1;

    if (at % 2 == 0 || at >= PyList_GET_SIZE(frame->object))
        return PyUnicode_FromString(".<key>");
    return scope_path_key(PyList_GET_ITEM(frame->object, at - 1));
}

static PyObject *spread_step(const struct scope_frame *frame, enum scope_kind kind)
{
    if (kind == KIND_FUNCTION)
        return PyUnicode_FromFormat(".__closure__[%zd]", frame->position - 1);
    if (kind == KIND_CLASS && frame->part == PART_BASES)
        return PyUnicode_FromFormat(".__bases__[%zd]", frame->position - 1);
    if (kind == KIND_CLASS && frame->part == PART_VIRTUAL)
        return PyUnicode_FromString(".<registered class>");
    if (kind == KIND_REDUCED && frame->part == PART_DICT_ITEMS)
        return pair_step(frame);
    return container_step(frame, frame->shape == FRAME_DICT);
}

/* Of a part that is walked as a value of its own. */
static const char *part_step(enum scope_kind kind, Py_ssize_t part)
{
    static const char *const of_function[FUNCTION_PARTS] = {
        [PART_CODE] = ".__code__",
        [PART_DEFAULTS] = ".__defaults__",
        [PART_KWDEFAULTS] = ".__kwdefaults__",
        [PART_ANNOTATIONS] = ".__annotations__",
        [PART_DOC] = ".__doc__",
        [PART_ATTRIBUTES] = ".__dict__",
        [PART_FUNCTION_MODULE] = ".__module__",
        [PART_GLOBALS] = ".__globals__",
    };
    static const char *const of_reduced[REDUCED_PARTS] = {
        [PART_CALLABLE] = ".__reduce_ex__(5)[0]",
        [PART_ARGUMENTS] = ".__reduce_ex__(5)[1]",
        [PART_SETTER] = ".__reduce_ex__(5)[5]",
    };

    switch (kind) {
    case KIND_FUNCTION:
        return of_function[part];
    case KIND_REDUCED:
        return of_reduced[part];
    case KIND_SHARER:
        return part == PART_INSTANCE_DICT ? NULL : ".__class__";
    case KIND_CELL:
        return ".cell_contents";
    case KIND_CLASS:
    case KIND_INSTANCE:
        return ".__class__";
    default:
        return NULL;
    }
}

/* Parts whose items are the object's attributes. */
static bool is_attributes(enum scope_kind kind, Py_ssize_t part)
{
    return (kind == KIND_REDUCED && (part == PART_STATE || part == PART_DICT)) ||
           (kind == KIND_SHARER && part == PART_INSTANCE_DICT);
}

PyObject *scope_path_of(const struct scope_walk *walk)
{
    PyObject *path = PyUnicode_FromString("");
    enum scope_kind kind = KIND_PLAIN;
    bool in_state = false;

    for (size_t i = 0; i < walk->depth; i++) {
        const struct scope_frame *frame = &walk->frames[i];

        if (frame->part >= 0) {
            scope_path_add(&path, spread_step(frame, kind));
        } else if (frame->shape != FRAME_PARTS) {
            scope_path_add(&path, container_step(frame, in_state));
        } else {
            const struct scope_node *node = &walk->nodes.items[frame->node];
            const char *step;

            kind = node->kind;
            in_state = is_attributes(kind, frame->position - 1);
            if (i + 1 < walk->depth && walk->frames[i + 1].part >= 0)
                continue;
            step = part_step(kind, frame->position - 1);
            scope_path_add(&path, PyUnicode_FromString(step ? step : ""));
            continue;
        }
        in_state = false;
    }
    PyErr_Clear();
    return path;
}
