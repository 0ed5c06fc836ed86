#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/encode.h"

#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/walk.h"

static void write_opaque(struct scope_encoder *e, PyObject *object, const char *reason)
{
    const char *type = Py_TYPE(object)->tp_name;
    size_t mark = viv_writer_used(e->w);

    viv_writer_bytes(e->w, OPAQUE_REASON, reason, strlen(reason));
    viv_writer_bytes(e->w, OPAQUE_TYPE, type, strlen(type));
    viv_writer_field(e->w, VALUE_OPAQUE, mark);
}

static void write_changed(struct scope_encoder *e, PyObject *object)
{
    e->changed = true;
    write_opaque(e, object, "it came into the scope while that was being read");
}

static void write_big_integer(struct scope_encoder *e, PyObject *object)
{
    size_t len = _PyLong_NumBits(object) / 8 + 1;
    uint8_t *bytes = len > SCOPE_BIG_INTEGER_MAX ? NULL : malloc(len);

    if (!bytes) {
        write_opaque(e, object, "an int of more than 16 MiB");
        return;
    }
    if (_PyLong_AsByteArray((PyLongObject *)object, bytes, len, 1, 1) < 0) {
        PyErr_Clear();
        e->failed = true;
    } else {
        viv_writer_bytes(e->w, VALUE_BIG_INTEGER, bytes, len);
    }
    free(bytes);
}

static void write_integer(struct scope_encoder *e, PyObject *object)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);

    if (overflow)
        write_big_integer(e, object);
    else
        viv_writer_sint(e->w, VALUE_INTEGER, value);
}

static void write_complex(struct scope_encoder *e, PyObject *object)
{
    size_t mark = viv_writer_used(e->w);

    viv_writer_double(e->w, COMPLEX_IMAGINARY, PyComplex_ImagAsDouble(object));
    viv_writer_double(e->w, COMPLEX_REAL, PyComplex_RealAsDouble(object));
    viv_writer_field(e->w, VALUE_COMPLEX, mark);
}

static void write_text(struct scope_encoder *e, PyObject *object)
{
    size_t mark = viv_writer_used(e->w);
    bool odd = viv_text_raw(e->w, object);

    viv_writer_field(e->w, odd ? VALUE_SURROGATE_TEXT : VALUE_TEXT, mark);
}

static void write_array(struct scope_encoder *e, unsigned field, PyObject *object, int depth)
{
    PyObject *const *items = PySequence_Fast_ITEMS(object);
    size_t mark = viv_writer_used(e->w);
    Py_ssize_t count = Py_SIZE(object);

    while (count > 0 && !e->w->failed)
        scope_encode_value(e, SEQUENCE_ITEMS, items[--count], depth + 1);
    viv_writer_field(e->w, field, mark);
}

static void write_set(struct scope_encoder *e, unsigned field, PyObject *object, int depth)
{
    size_t mark = viv_writer_used(e->w);
    Py_ssize_t position = 0;
    PyObject *item;
    Py_hash_t hash;

    while (_PySet_NextEntry(object, &position, &item, &hash) && !e->w->failed)
        scope_encode_value(e, SEQUENCE_ITEMS, item, depth + 1);
    viv_writer_field(e->w, field, mark);
}

/* A dict can only be walked forwards, so its items are gathered first. */
void scope_encode_items(struct scope_encoder *e, PyObject *dict, int depth)
{
    PyObject *few[16][2], *(*items)[2] = few;
    size_t count = (size_t)PyDict_GET_SIZE(dict), n = 0;
    Py_ssize_t position = 0;

    if (count > sizeof(few) / sizeof(few[0]))
        items = malloc(count * sizeof(*items));
    if (!items) {
        e->failed = true;
        return;
    }
    while (n < count && PyDict_Next(dict, &position, &items[n][0], &items[n][1]))
        n++;
    while (n > 0 && !e->w->failed) {
        size_t mark = viv_writer_used(e->w);

        n--;
        scope_encode_value(e, ITEM_VALUE, items[n][1], depth + 1);
        scope_encode_value(e, ITEM_KEY, items[n][0], depth + 1);
        viv_writer_field(e->w, MAPPING_ITEMS, mark);
    }
    if (items != few)
        free(items);
}

static bool write_scalar(struct scope_encoder *e, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyUnicode_Type)
        write_text(e, object);
    else if (type == &PyLong_Type)
        write_integer(e, object);
    else if (type == &PyFloat_Type)
        viv_writer_double(e->w, VALUE_FLOATING, PyFloat_AS_DOUBLE(object));
    else if (object == Py_None)
        viv_writer_varint(e->w, VALUE_CONSTANT, CONSTANT_NONE);
    else if (type == &PyBool_Type)
        viv_writer_varint(e->w, VALUE_BOOLEAN, object == Py_True);
    else if (type == &PyBytes_Type)
        viv_writer_bytes(e->w, VALUE_DATA, PyBytes_AS_STRING(object),
                         (size_t)PyBytes_GET_SIZE(object));
    else if (type == &PyByteArray_Type)
        viv_writer_bytes(e->w, VALUE_BYTEARRAY, PyByteArray_AS_STRING(object),
                         (size_t)PyByteArray_GET_SIZE(object));
    else if (type == &PyComplex_Type)
        write_complex(e, object);
    else if (object == Py_Ellipsis)
        viv_writer_varint(e->w, VALUE_CONSTANT, CONSTANT_ELLIPSIS);
    else if (object == Py_NotImplemented)
        viv_writer_varint(e->w, VALUE_CONSTANT, CONSTANT_NOT_IMPLEMENTED);
    else
        return false;
    return true;
}

/* Recursion ends after the containers that may stand within each other: deeper
 * ones are in the table, unless they came while nobody looked. */
void scope_encode_content(struct scope_encoder *e, PyObject *object, int depth)
{
    if (write_scalar(e, object))
        return;
    if (depth > SCOPE_DEPTH_MAX + 1)
        write_changed(e, object);
    else if (PyList_CheckExact(object))
        write_array(e, VALUE_LIST, object, depth);
    else if (PyTuple_CheckExact(object))
        write_array(e, VALUE_TUPLE, object, depth);
    else if (PySet_CheckExact(object))
        write_set(e, VALUE_SET, object, depth);
    else if (PyFrozenSet_CheckExact(object))
        write_set(e, VALUE_FROZENSET, object, depth);
    else if (PyDict_CheckExact(object)) {
        size_t mark = viv_writer_used(e->w);

        scope_encode_items(e, object, depth);
        viv_writer_field(e->w, VALUE_DICT, mark);
    } else {
        write_changed(e, object);
    }
}

void scope_encode_value(struct scope_encoder *e, unsigned field, PyObject *object, int depth)
{
    size_t mark = viv_writer_used(e->w);
    int64_t node = -1;

    if (scope_op_count(e->op) < 0) {
        e->w->failed = true;
        return;
    }
    if (Py_TYPE(object) == &PyLong_Type && Py_ABS(Py_SIZE(object)) <= 1) {
        viv_writer_sint_in(e->w, field, VALUE_INTEGER, PyLong_AsLong(object));
        return;
    }
    if (scope_walk_has_identity(object))
        node = scope_nodes_find(e->nodes, object);
    if (node >= 0 && e->nodes->items[node].index >= 0)
        viv_writer_varint(e->w, VALUE_REF, (uint64_t)e->nodes->items[node].index);
    else
        scope_encode_content(e, object, depth);
    viv_writer_field(e->w, field, mark);
}
