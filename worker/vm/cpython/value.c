#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/value.h"

#include <stdlib.h>

#include "worker/vm/cpython/shape.h"
#include "worker/vm/cpython/text.h"

/* Field numbers of vivarium.v1.Value. */
enum {
    CONSTANT = 1,
    BOOLEAN = 2,
    INTEGER = 3,
    BIG_INTEGER = 4,
    FLOATING = 5,
    COMPLEX = 6,
    TEXT = 7,
    SURROGATE_TEXT = 8,
    DATA = 9,
    BYTEARRAY = 10,
    LIST = 11,
    TUPLE = 12,
    SET = 13,
    FROZENSET = 14,
    DICT = 15,
    REF = 16,
    GRAPH = 17,
    OPAQUE = 18,
};

enum { CONSTANT_NONE = 1, CONSTANT_ELLIPSIS = 2, CONSTANT_NOT_IMPLEMENTED = 3 };
enum { COMPLEX_REAL = 1, COMPLEX_IMAGINARY = 2 };
enum { SEQUENCE_ITEMS = 1, MAPPING_ITEMS = 1, ITEM_KEY = 1, ITEM_VALUE = 2 };
enum { GRAPH_OBJECTS = 1, GRAPH_ROOT = 2, OBJECT_VALUE = 1 };
enum { OPAQUE_TYPE = 1, OPAQUE_REASON = 2 };

#define BIG_INTEGER_MAX (16u * 1024 * 1024)

struct encoder {
    struct viv_writer *w;
    const struct viv_shape *shape;
};

static void write_value(const struct encoder *e, PyObject *object);

/* A value as a field of its own; one of the table as a reference to it. */
static void write_field(const struct encoder *e, unsigned field, PyObject *object)
{
    int32_t index = viv_shape_index(e->shape, object);
    size_t mark = viv_writer_used(e->w);

    if (index >= 0)
        viv_writer_varint(e->w, REF, (uint64_t)index);
    else
        write_value(e, object);
    viv_writer_field(e->w, field, mark);
}

static void write_opaque(struct viv_writer *w, PyObject *object, const char *reason)
{
    PyObject *name = viv_text_type_name(Py_TYPE(object), false);
    size_t mark = viv_writer_used(w);

    PyErr_Clear();
    viv_writer_bytes(w, OPAQUE_REASON, reason, strlen(reason));
    viv_text_field(w, OPAQUE_TYPE, name, 1024);
    viv_writer_field(w, OPAQUE, mark);
    Py_XDECREF(name);
}

static void write_big_integer(struct viv_writer *w, PyObject *object)
{
    size_t len = _PyLong_NumBits(object) / 8 + 1, mark = viv_writer_used(w);
    uint8_t *place;

    if (len > BIG_INTEGER_MAX) {
        write_opaque(w, object, "an int of more than 16 MiB");
        return;
    }
    place = viv_writer_reserve(w, len);
    if (!place)
        return;
    if (_PyLong_AsByteArray((PyLongObject *)object, place, len, 1, 1) < 0) {
        PyErr_Clear();
        w->failed = true;
        return;
    }
    viv_writer_field(w, BIG_INTEGER, mark);
}

static void write_integer(struct viv_writer *w, PyObject *object)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);

    if (overflow)
        write_big_integer(w, object);
    else
        viv_writer_sint(w, INTEGER, value);
}

static void write_complex(struct viv_writer *w, PyObject *object)
{
    size_t mark = viv_writer_used(w);

    viv_writer_double(w, COMPLEX_IMAGINARY, PyComplex_ImagAsDouble(object));
    viv_writer_double(w, COMPLEX_REAL, PyComplex_RealAsDouble(object));
    viv_writer_field(w, COMPLEX, mark);
}

static void write_text(struct viv_writer *w, PyObject *object)
{
    size_t mark = viv_writer_used(w);
    bool unfit = viv_text_raw(w, object);

    viv_writer_field(w, unfit ? SURROGATE_TEXT : TEXT, mark);
}

static void write_array(const struct encoder *e, unsigned field, PyObject *const *items,
                        Py_ssize_t count)
{
    size_t mark = viv_writer_used(e->w);

    while (count > 0 && !e->w->failed)
        write_field(e, SEQUENCE_ITEMS, items[--count]);
    viv_writer_field(e->w, field, mark);
}

static void write_set(const struct encoder *e, unsigned field, PyObject *object)
{
    size_t mark = viv_writer_used(e->w);
    Py_ssize_t position = 0;
    PyObject *item;
    Py_hash_t hash;

    while (_PySet_NextEntry(object, &position, &item, &hash) && !e->w->failed)
        write_field(e, SEQUENCE_ITEMS, item);
    viv_writer_field(e->w, field, mark);
}

/* A dict can only be walked forwards, so its items are gathered first. */
static void write_dict(const struct encoder *e, PyObject *object)
{
    size_t count = (size_t)PyDict_GET_SIZE(object), mark = viv_writer_used(e->w), n = 0;
    PyObject *(*items)[2] = malloc((count ? count : 1) * sizeof(*items));
    Py_ssize_t position = 0;

    if (!items) {
        e->w->failed = true;
        return;
    }
    while (n < count && PyDict_Next(object, &position, &items[n][0], &items[n][1]))
        n++;
    while (n > 0 && !e->w->failed) {
        size_t item = viv_writer_used(e->w);

        n--;
        write_field(e, ITEM_VALUE, items[n][1]);
        write_field(e, ITEM_KEY, items[n][0]);
        viv_writer_field(e->w, MAPPING_ITEMS, item);
    }
    free(items);
    viv_writer_field(e->w, DICT, mark);
}

static const struct {
    PyTypeObject *type;
    const char *reason;
} subclasses[] = {
    {&PyLong_Type, "a subclass of int"},        {&PyFloat_Type, "a subclass of float"},
    {&PyComplex_Type, "a subclass of complex"}, {&PyUnicode_Type, "a subclass of str"},
    {&PyBytes_Type, "a subclass of bytes"},     {&PyByteArray_Type, "a subclass of bytearray"},
    {&PyList_Type, "a subclass of list"},       {&PyTuple_Type, "a subclass of tuple"},
    {&PySet_Type, "a subclass of set"},         {&PyFrozenSet_Type, "a subclass of frozenset"},
    {&PyDict_Type, "a subclass of dict"},
};

static const char *why_opaque(PyObject *object)
{
    for (size_t i = 0; i < sizeof(subclasses) / sizeof(subclasses[0]); i++)
        if (PyType_IsSubtype(Py_TYPE(object), subclasses[i].type))
            return subclasses[i].reason;
    return "not a plain value";
}

static bool write_scalar(struct viv_writer *w, PyObject *object)
{
    if (object == Py_None)
        viv_writer_varint(w, CONSTANT, CONSTANT_NONE);
    else if (PyBool_Check(object))
        viv_writer_varint(w, BOOLEAN, object == Py_True);
    else if (PyLong_CheckExact(object))
        write_integer(w, object);
    else if (PyFloat_CheckExact(object))
        viv_writer_double(w, FLOATING, PyFloat_AS_DOUBLE(object));
    else if (PyUnicode_CheckExact(object))
        write_text(w, object);
    else if (PyBytes_CheckExact(object))
        viv_writer_bytes(w, DATA, PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object));
    else if (PyByteArray_CheckExact(object))
        viv_writer_bytes(w, BYTEARRAY, PyByteArray_AS_STRING(object),
                         (size_t)PyByteArray_GET_SIZE(object));
    else if (PyComplex_CheckExact(object))
        write_complex(w, object);
    else if (object == Py_Ellipsis)
        viv_writer_varint(w, CONSTANT, CONSTANT_ELLIPSIS);
    else if (object == Py_NotImplemented)
        viv_writer_varint(w, CONSTANT, CONSTANT_NOT_IMPLEMENTED);
    else
        return false;
    return true;
}

/* The content of a Value. Recursion ends after the containers that may stand
 * within each other: deeper ones are in the table. */
static void write_value(const struct encoder *e, PyObject *object)
{
    if (write_scalar(e->w, object))
        return;
    if (PyList_CheckExact(object))
        write_array(e, LIST, PySequence_Fast_ITEMS(object), PyList_GET_SIZE(object));
    else if (PyTuple_CheckExact(object))
        write_array(e, TUPLE, PySequence_Fast_ITEMS(object), PyTuple_GET_SIZE(object));
    else if (PySet_CheckExact(object))
        write_set(e, SET, object);
    else if (PyFrozenSet_CheckExact(object))
        write_set(e, FROZENSET, object);
    else if (PyDict_CheckExact(object))
        write_dict(e, object);
    else
        write_opaque(e->w, object, why_opaque(object));
}

static void write_graph(const struct encoder *e, PyObject *root)
{
    size_t mark = viv_writer_used(e->w);

    write_field(e, GRAPH_ROOT, root);
    for (size_t i = e->shape->object_count; i > 0 && !e->w->failed; i--) {
        size_t object = viv_writer_used(e->w), value = object;

        write_value(e, e->shape->objects[i - 1]);
        viv_writer_field(e->w, OBJECT_VALUE, value);
        viv_writer_field(e->w, GRAPH_OBJECTS, object);
    }
    viv_writer_field(e->w, GRAPH, mark);
}

void viv_value_field(struct viv_writer *w, unsigned field, PyObject *object)
{
    struct viv_shape shape;
    struct encoder e = {.w = w, .shape = &shape};
    size_t mark = viv_writer_used(w);

    if (viv_shape_find(object, &shape) < 0) {
        w->failed = true;
        return;
    }
    if (shape.object_count > 0)
        write_graph(&e, object);
    else
        write_value(&e, object);
    viv_writer_field(w, field, mark);
    viv_shape_free(&shape);
}

void viv_value_opaque(struct viv_writer *w, unsigned field, PyObject *object, const char *reason)
{
    size_t mark = viv_writer_used(w);

    write_opaque(w, object, reason);
    viv_writer_field(w, field, mark);
}
