#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/text.h"

#include <string.h>

#include "worker/vm/cpython/text.h"

#define MESSAGE_MAX 400

bool scope_text_fits(PyObject *str)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(str);
    int kind = PyUnicode_KIND(str);
    const void *data = PyUnicode_DATA(str);

    if (kind == PyUnicode_1BYTE_KIND)
        return !memchr(data, 0, (size_t)len);
    for (Py_ssize_t i = 0; i < len; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);

        if (c == 0 || Py_UNICODE_IS_SURROGATE(c))
            return false;
    }
    return true;
}

/* str(value), cut; NULL where it raises or is no help. */
static PyObject *message_of(PyObject *value)
{
    PyObject *text = value ? PyObject_Str(value) : NULL, *cut;

    PyErr_Clear();
    if (!text || PyUnicode_GET_LENGTH(text) == 0) {
        Py_XDECREF(text);
        return NULL;
    }
    cut = PyUnicode_Substring(text, 0, MESSAGE_MAX);
    Py_DECREF(text);
    return cut;
}

PyObject *scope_text_exception(PyObject *type, PyObject *value)
{
    PyObject *name, *message, *text;

    if (!type || !PyType_Check(type))
        return PyUnicode_FromString("it failed without saying why");
    name = viv_text_type_name((PyTypeObject *)type, true);
    if (!name)
        return NULL;
    message = message_of(value);
    text = message ? PyUnicode_FromFormat("%U: %U", name, message) : Py_NewRef(name);
    Py_XDECREF(message);
    Py_DECREF(name);
    return text;
}
