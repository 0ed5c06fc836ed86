#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/names.h"

bool scope_names_is_own(PyObject *name, PyObject *value)
{
    static const char *const always[] = {"__builtins__", "__name__",    "__file__",  "__loader__",
                                         "__spec__",     "__package__", "__cached__"};

    if (!PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) < 7 ||
        PyUnicode_READ_CHAR(name, 0) != '_' || PyUnicode_READ_CHAR(name, 1) != '_')
        return false;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (PyUnicode_CompareWithASCIIString(name, always[i]) == 0)
            return true;
    /* User code may have given these a value. */
    if (PyUnicode_CompareWithASCIIString(name, "__doc__") == 0)
        return value == Py_None;
    return value && PyUnicode_CompareWithASCIIString(name, "__annotations__") == 0 &&
           PyDict_CheckExact(value) && PyDict_GET_SIZE(value) == 0;
}
