/* The entries of the table of objects, by kind. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/encode.h"

#include <string.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"

/* Items of a repeated Value. */
static void write_items(struct scope_encoder *e, unsigned field, PyObject *array)
{
    Py_ssize_t count = array ? Py_SIZE(array) : 0;
    PyObject *const *items = array ? PySequence_Fast_ITEMS(array) : NULL;

    while (count > 0 && !e->w->failed)
        scope_encode_value(e, field, items[--count], 1);
}

static void write_pairs(struct scope_encoder *e, unsigned field, PyObject *flat)
{
    Py_ssize_t count = flat ? PyList_GET_SIZE(flat) : 0;

    for (; count > 1 && !e->w->failed; count -= 2) {
        size_t mark = viv_writer_used(e->w);

        scope_encode_value(e, ITEM_VALUE, PyList_GET_ITEM(flat, count - 1), 1);
        scope_encode_value(e, ITEM_KEY, PyList_GET_ITEM(flat, count - 2), 1);
        viv_writer_field(e->w, field, mark);
    }
}

static void write_mapping(struct scope_encoder *e, unsigned field, PyObject *dict)
{
    size_t mark = viv_writer_used(e->w);

    if (!dict || PyDict_GET_SIZE(dict) == 0)
        return;
    scope_encode_items(e, dict, 0);
    viv_writer_field(e->w, field, mark);
}

static void write_part(struct scope_encoder *e, unsigned field, PyObject *object)
{
    if (object)
        scope_encode_value(e, field, object, 1);
}

static void write_code(struct scope_encoder *e, PyObject *code)
{
    int64_t node = scope_nodes_find(e->nodes, code);
    PyObject *bytes;

    if (node < 0 || e->nodes->items[node].kind != KIND_CODE) {
        e->changed = true;
        return;
    }
    if (e->nodes->items[node].index >= 0) {
        scope_encode_value(e, FUNCTION_SHARED_CODE, code, 1);
        return;
    }
    bytes = e->nodes->items[node].parts[0];
    viv_writer_bytes(e->w, FUNCTION_CODE, PyBytes_AS_STRING(bytes),
                     (size_t)PyBytes_GET_SIZE(bytes));
}

static void write_function(struct scope_encoder *e, PyObject *const *parts)
{
    write_part(e, FUNCTION_GLOBALS, parts[PART_GLOBALS]);
    write_part(e, FUNCTION_MODULE, parts[PART_FUNCTION_MODULE]);
    write_items(e, FUNCTION_CLOSURE, parts[PART_CLOSURE]);
    write_part(e, FUNCTION_ATTRIBUTES, parts[PART_ATTRIBUTES]);
    write_part(e, FUNCTION_DOC, parts[PART_DOC]);
    write_part(e, FUNCTION_ANNOTATIONS, parts[PART_ANNOTATIONS]);
    write_part(e, FUNCTION_KEYWORD_DEFAULTS, parts[PART_KWDEFAULTS]);
    write_part(e, FUNCTION_DEFAULTS, parts[PART_DEFAULTS]);
    viv_text_field(e->w, FUNCTION_QUALIFIED_NAME, parts[PART_FUNCTION_QUALNAME], 0);
    viv_text_field(e->w, FUNCTION_NAME, parts[PART_FUNCTION_NAME], 0);
    write_code(e, parts[PART_CODE]);
}

static void write_class(struct scope_encoder *e, PyObject *const *parts)
{
    write_items(e, CLASS_VIRTUAL_SUBCLASSES, parts[PART_VIRTUAL]);
    write_mapping(e, CLASS_NAMESPACE, parts[PART_NAMESPACE]);
    write_items(e, CLASS_BASES, parts[PART_BASES]);
    write_part(e, CLASS_METACLASS, parts[PART_METACLASS]);
    viv_text_field(e->w, CLASS_QUALIFIED_NAME, parts[PART_CLASS_QUALNAME], 0);
    viv_text_field(e->w, CLASS_NAME, parts[PART_CLASS_NAME], 0);
}

/* Whether the walk came to the dict of an object elsewhere, too. */
static bool is_shared(const struct scope_encoder *e, PyObject *dict)
{
    int64_t node = dict ? scope_nodes_find(e->nodes, dict) : -1;

    return node >= 0 && e->nodes->items[node].index >= 0;
}

/* The dict that is the state of a reduce, if it is the object's own and the
 * receiver is who puts it there, no code of the object's; else NULL. */
static PyObject *own_dict_of(const struct scope_node *node)
{
    PyObject *state = node->parts[PART_STATE], *setter, **place;
    bool pair = state && PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2;

    if (pair)
        state = PyTuple_GET_ITEM(state, 0);
    if (!state || !PyDict_Check(state) || node->parts[PART_SETTER] || PyType_Check(node->object))
        return NULL;
    setter = _PyType_Lookup(Py_TYPE(node->object), scope_known.s_setstate);
    if (setter && !(pair && setter == scope_known.exception_setstate))
        return NULL;
    place = _PyObject_GetDictPtr(node->object);
    return place && *place == state ? state : NULL;
}

static unsigned write_reduced(struct scope_encoder *e, const struct scope_node *node)
{
    PyObject *const *parts = node->parts;
    PyObject *dict = parts[PART_DICT] ? NULL : own_dict_of(node);
    bool shared = is_shared(e, dict);

    write_mapping(e, REDUCED_SLOTS, parts[PART_OWN_SLOTS]);
    write_part(e, REDUCED_DICT, shared ? dict : parts[PART_DICT]);
    write_part(e, REDUCED_STATE_SETTER, parts[PART_SETTER]);
    write_pairs(e, REDUCED_DICT_ITEMS, parts[PART_DICT_ITEMS]);
    write_items(e, REDUCED_LIST_ITEMS, parts[PART_LIST_ITEMS]);
    if (!shared || dict != parts[PART_STATE])
        write_part(e, REDUCED_STATE, parts[PART_STATE]);
    write_part(e, REDUCED_ARGUMENTS, parts[PART_ARGUMENTS]);
    write_part(e, REDUCED_CALLABLE, parts[PART_CALLABLE]);
    return shared || parts[PART_DICT] || parts[PART_OWN_SLOTS] ? OBJECT_ATTACHED : OBJECT_REDUCED;
}

static unsigned write_instance(struct scope_encoder *e, const struct scope_node *node)
{
    PyObject *const *parts = node->parts;
    bool shared = node->kind == KIND_SHARER && is_shared(e, parts[PART_INSTANCE_DICT]);

    write_mapping(e, shared ? SHARER_SLOTS : INSTANCE_SLOTS, parts[PART_SLOTS]);
    if (shared)
        write_part(e, SHARER_DICT, parts[PART_INSTANCE_DICT]);
    else
        write_mapping(e, INSTANCE_ATTRIBUTES, parts[PART_INSTANCE_DICT]);
    write_part(e, shared ? SHARER_TYPE : INSTANCE_TYPE, parts[PART_TYPE]);
    return shared ? OBJECT_SHARER : OBJECT_INSTANCE;
}

static void write_package(struct scope_encoder *e, PyObject *const *parts)
{
    Py_ssize_t count = PyList_GET_SIZE(parts[1]);

    while (count > 0)
        viv_text_field(e->w, PACKAGE_SUBMODULES, PyList_GET_ITEM(parts[1], --count), 0);
    viv_text_field(e->w, PACKAGE_NAME, parts[0], 0);
}

static void write_buffer(struct scope_encoder *e, PyObject *object)
{
    const Py_buffer *view = PyPickleBuffer_GetBuffer(object);

    if (!view || !PyBuffer_IsContiguous(view, 'A')) {
        PyErr_Clear();
        e->changed = true;
        return;
    }
    if (!view->readonly)
        viv_writer_varint(e->w, BUFFER_WRITABLE, 1);
    viv_writer_bytes(e->w, BUFFER_DATA, view->buf, (size_t)view->len);
}

static unsigned write_kind(struct scope_encoder *e, const struct scope_node *node)
{
    switch (node->kind) {
    case KIND_MODULE:
        if (!node->parts[1])
            return OBJECT_MODULE;
        write_package(e, node->parts);
        return OBJECT_PACKAGE;
    case KIND_GLOBAL:
        viv_text_field(e->w, GLOBAL_QUALIFIED_NAME, node->parts[1], 0);
        viv_text_field(e->w, GLOBAL_MODULE, node->parts[0], 0);
        return OBJECT_GLOBAL;
    case KIND_FUNCTION:
        write_function(e, node->parts);
        return OBJECT_FUNCTION;
    case KIND_CLASS:
        write_class(e, node->parts);
        return OBJECT_CLASS;
    case KIND_CELL:
        write_part(e, CELL_VALUE, node->parts[0]);
        return OBJECT_CELL;
    case KIND_BUFFER:
        write_buffer(e, node->object);
        return OBJECT_BUFFER;
    case KIND_INSTANCE:
    case KIND_SHARER:
        return write_instance(e, node);
    case KIND_REDUCED:
        return write_reduced(e, node);
    default:
        scope_encode_content(e, node->object, 0);
        return OBJECT_VALUE;
    }
}

void scope_encode_object(struct scope_encoder *e, unsigned field, const struct scope_node *node)
{
    size_t mark = viv_writer_used(e->w), content = mark;

    if (node->kind == KIND_GLOBALS) {
        viv_writer_varint(e->w, OBJECT_SCOPE_GLOBALS, 1);
    } else if (node->kind == KIND_CODE) {
        viv_writer_bytes(e->w, OBJECT_CODE, PyBytes_AS_STRING(node->parts[0]),
                         (size_t)PyBytes_GET_SIZE(node->parts[0]));
    } else if (node->kind == KIND_MODULE && !node->parts[1]) {
        viv_text_field(e->w, OBJECT_MODULE, node->parts[0], 0);
    } else {
        unsigned kind = write_kind(e, node);

        viv_writer_field(e->w, kind, content);
    }
    viv_writer_field(e->w, field, mark);
}
