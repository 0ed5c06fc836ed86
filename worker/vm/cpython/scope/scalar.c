#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/scalar.h"

#include <string.h>

#include "worker/vm/cpython/block.h"
#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"

#define CACHED_KEY_MAX 32

PyObject *scope_scalar_constant(struct scope_restore *r, uint64_t number)
{
    switch (number) {
    case CONSTANT_NONE:
        return Py_NewRef(Py_None);
    case CONSTANT_ELLIPSIS:
        return Py_NewRef(Py_Ellipsis);
    case CONSTANT_NOT_IMPLEMENTED:
        return Py_NewRef(Py_NotImplemented);
    default:
        return scope_build_damaged(r, "it has a constant that is none");
    }
}

PyObject *scope_scalar_complex(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[COMPLEX_IMAGINARY + 1];

    if (scope_reader_pick(body, fields, COMPLEX_IMAGINARY) < 0)
        return scope_build_damaged(r, "a complex number");
    return PyComplex_FromDoubles(scope_reader_double(fields[COMPLEX_REAL].number),
                                 scope_reader_double(fields[COMPLEX_IMAGINARY].number));
}

PyObject *scope_scalar_big_integer(struct scope_restore *r, struct scope_span bytes)
{
    size_t len = scope_span_len(bytes);

    if (len > SCOPE_BIG_INTEGER_MAX)
        return scope_build_damaged(r, "a big_integer of more than 16 MiB");
    return len ? _PyLong_FromByteArray(bytes.at, len, 1, 1) : PyLong_FromLong(0);
}

PyObject *scope_scalar_bytes(struct scope_span bytes)
{
    size_t len = scope_span_len(bytes);
    PyObject *object = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);

    if (object)
        viv_block_copy(PyBytes_AS_STRING(object), bytes.at, len);
    return object;
}

PyObject *scope_scalar_bytearray(struct scope_span bytes)
{
    size_t len = scope_span_len(bytes);
    PyObject *object = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)len);

    if (object)
        viv_block_copy(PyByteArray_AS_STRING(object), bytes.at, len);
    return object;
}

PyObject *scope_scalar_text(struct scope_span bytes, const char *errors)
{
    return PyUnicode_DecodeUTF8((const char *)bytes.at, (Py_ssize_t)scope_span_len(bytes), errors);
}

/* Short text is a key again and again: rows of dicts, attributes. */
PyObject *scope_scalar_key(struct scope_restore *r, struct scope_span bytes)
{
    size_t len = scope_span_len(bytes);
    uint32_t hash = 2166136261u;
    PyObject **place, *cached, *text;

    if (len > CACHED_KEY_MAX)
        return scope_scalar_text(bytes, "strict");
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes.at[i]) * 16777619u;
    place = &r->keys[(hash ^ hash >> 15) % SCOPE_KEY_CACHE];
    cached = *place;
    if (cached && PyUnicode_IS_ASCII(cached) && (size_t)PyUnicode_GET_LENGTH(cached) == len &&
        memcmp(PyUnicode_DATA(cached), bytes.at, len) == 0)
        return Py_NewRef(cached);
    text = scope_scalar_text(bytes, "strict");
    if (text) {
        PyUnicode_InternInPlace(&text);
        Py_XSETREF(*place, Py_NewRef(text));
    }
    return text;
}

PyObject *scope_scalar_opaque(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[OPAQUE_REASON + 1];
    PyObject *reason = NULL;

    if (scope_reader_pick(body, fields, OPAQUE_REASON) == 0)
        reason = scope_scalar_text(fields[OPAQUE_REASON].bytes, "replace");
    scope_op_refuse(r->op, "it was not carried: %V", reason, "no reason given");
    Py_XDECREF(reason);
    return NULL;
}
