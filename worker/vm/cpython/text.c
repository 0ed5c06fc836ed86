#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/text.h"

#include <stdio.h>
#include <string.h>

static bool is_surrogate(Py_UCS4 c)
{
    return c >= 0xd800 && c <= 0xdfff;
}

/* What a protobuf string can't hold: surrogates are not UTF-8, and readers in C
 * take U+0000 for the end. */
static bool is_unfit(Py_UCS4 c)
{
    return c == 0 || is_surrogate(c);
}

static bool has_nul(PyObject *ascii)
{
    return memchr(PyUnicode_DATA(ascii), 0, (size_t)PyUnicode_GET_LENGTH(ascii)) != NULL;
}

/* Encodes into the bytes that end at `end`; where they begin. */
static uint8_t *encode_backwards(Py_UCS4 c, uint8_t *end)
{
    if (c < 0x80) {
        *--end = (uint8_t)c;
    } else if (c < 0x800) {
        *--end = (uint8_t)(0x80 | (c & 0x3f));
        *--end = (uint8_t)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *--end = (uint8_t)(0x80 | (c & 0x3f));
        *--end = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *--end = (uint8_t)(0xe0 | c >> 12);
    } else {
        *--end = (uint8_t)(0x80 | (c & 0x3f));
        *--end = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *--end = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *--end = (uint8_t)(0xf0 | c >> 18);
    }
    return end;
}

static void put(struct viv_writer *w, Py_UCS4 c)
{
    uint8_t bytes[4], *end = bytes + sizeof(bytes), *at;

    if (viv_writer_room(w) >= sizeof(bytes)) {
        w->at = encode_backwards(c, w->at);
        return;
    }
    at = encode_backwards(c, end);
    viv_writer_raw(w, at, (size_t)(end - at));
}

bool viv_text_raw(struct viv_writer *w, PyObject *str)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(str);
    int kind = PyUnicode_KIND(str);
    const void *data = PyUnicode_DATA(str);
    bool unfit = false;

    if (PyUnicode_IS_ASCII(str)) {
        viv_writer_raw(w, data, (size_t)len);
        return has_nul(str);
    }
    for (Py_ssize_t i = len - 1; i >= 0; i--) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);

        unfit |= is_unfit(c);
        put(w, c);
    }
    return unfit;
}

static size_t escaped_length(Py_UCS4 c)
{
    if (is_unfit(c))
        return c ? 6 : 4;
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* How many characters fit into `max` bytes. */
static Py_ssize_t cut(PyObject *str, size_t max)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(str), i;
    size_t bytes = 0;

    for (i = 0; max && i < len; i++) {
        bytes += escaped_length(PyUnicode_READ_CHAR(str, i));
        if (bytes > max)
            return i;
    }
    return len;
}

static void write_escaped(struct viv_writer *w, Py_UCS4 c)
{
    char escape[8];

    if (is_unfit(c)) {
        snprintf(escape, sizeof(escape), c ? "\\u%04x" : "\\x%02x", (unsigned)c);
        viv_writer_raw(w, escape, escaped_length(c));
        return;
    }
    put(w, c);
}

void viv_text_field(struct viv_writer *w, unsigned field, PyObject *str, size_t max)
{
    size_t mark = viv_writer_used(w);
    Py_ssize_t len = str ? cut(str, max) : 0;

    if (str && PyUnicode_IS_ASCII(str) && !has_nul(str))
        viv_writer_raw(w, PyUnicode_DATA(str), (size_t)len);
    else
        for (Py_ssize_t i = len - 1; i >= 0 && !w->failed; i--)
            write_escaped(w, PyUnicode_READ_CHAR(str, i));
    viv_writer_field(w, field, mark);
}

/* Static types have it in their tp_name; the others' `__module__` is looked up
 * where the class statement put it, past any metaclass. */
static PyObject *module_of(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    PyObject *module;

    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return dot ? PyUnicode_FromStringAndSize(type->tp_name, dot - type->tp_name)
                   : PyUnicode_FromString("builtins");
    module = PyDict_GetItemString(type->tp_dict, "__module__");
    PyErr_Clear();
    if (module && PyUnicode_CheckExact(module))
        return Py_NewRef(module);
    return PyUnicode_FromString("<unknown>");
}

PyObject *viv_text_type_name(PyTypeObject *type, bool short_main)
{
    PyObject *module = module_of(type), *name = PyType_GetQualName(type), *both = NULL;

    if (module && name) {
        bool plain = short_main && (PyUnicode_CompareWithASCIIString(module, "builtins") == 0 ||
                                    PyUnicode_CompareWithASCIIString(module, "__main__") == 0);

        both = plain ? Py_NewRef(name) : PyUnicode_FromFormat("%U.%U", module, name);
    }
    Py_XDECREF(module);
    Py_XDECREF(name);
    return both;
}
