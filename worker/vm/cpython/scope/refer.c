#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/refer.h"

#include <string.h>

#include "worker/vm/cpython/scope/known.h"

static PyObject *in_dict(PyObject *dict, PyObject *key)
{
    PyObject *value = PyDict_GetItemWithError(dict, key);

    PyErr_Clear();
    return value;
}

PyObject *scope_refer_module(PyObject *name)
{
    PyObject *module, *spec;

    if (!PyUnicode_CheckExact(name) || PyUnicode_Compare(name, scope_known.s_main) == 0)
        return NULL;
    module = in_dict(scope_known.modules, name);
    if (!module || !PyModule_Check(module))
        return NULL;
    spec = in_dict(PyModule_GetDict(module), scope_known.s_spec);
    if (spec && spec != Py_None)
        return module;
    return PySet_Contains(scope_known.first_modules, name) == 1 ? module : NULL;
}

PyObject *scope_refer_module_name(PyObject *module)
{
    PyObject *name = in_dict(PyModule_GetDict(module), scope_known.s_name);

    if (!name || !PyUnicode_CheckExact(name))
        return NULL;
    if (PyUnicode_Compare(name, scope_known.s_main) == 0)
        return in_dict(scope_known.modules, name) == module ? name : NULL;
    return scope_refer_module(name) == module ? name : NULL;
}

PyObject *scope_refer_follow(PyObject *object, PyObject *qualname)
{
    PyObject *dot = PyUnicode_FromString("."), *names, *at = Py_NewRef(object);

    names = dot ? PyUnicode_Split(qualname, dot, -1) : NULL;
    Py_XDECREF(dot);
    for (Py_ssize_t i = 0; names && at && i < PyList_GET_SIZE(names); i++)
        Py_SETREF(at, PyObject_GetAttr(at, PyList_GET_ITEM(names, i)));
    if (!names)
        Py_CLEAR(at);
    Py_XDECREF(names);
    return at;
}

PyObject *scope_refer_resolve(PyObject *module, PyObject *qualname)
{
    PyObject *from = scope_refer_module(module), *found;

    if (!from || !PyUnicode_CheckExact(qualname))
        return NULL;
    found = in_dict(PyModule_GetDict(from), qualname);
    if (found)
        return Py_NewRef(found);
    if (PyUnicode_FindChar(qualname, '.', 0, PyUnicode_GET_LENGTH(qualname), 1) < 0)
        return NULL;
    found = scope_refer_follow(from, qualname);
    PyErr_Clear();
    return found;
}

int scope_refer(PyObject *object, PyObject *module, PyObject *qualname, struct scope_shape *shape)
{
    PyObject *found;

    if (!module || !qualname)
        return 0;
    found = scope_refer_resolve(module, qualname);
    Py_XDECREF(found);
    if (found != object)
        return 0;
    shape->kind = KIND_GLOBAL;
    shape->parts[0] = Py_NewRef(module);
    shape->parts[1] = Py_NewRef(qualname);
    return 1;
}

/* C functions such as numpy's know no module: all are asked. */
static int search(PyObject *object, PyObject *name, struct scope_shape *shape)
{
    PyObject *key, *module;
    Py_ssize_t position = 0;

    while (PyDict_Next(scope_known.modules, &position, &key, &module)) {
        if (!PyModule_Check(module) || in_dict(PyModule_GetDict(module), name) != object)
            continue;
        if (scope_refer(object, key, name, shape) == 1)
            return 1;
    }
    return 0;
}

int scope_refer_name(PyObject *object, PyObject *name, struct scope_shape *shape)
{
    PyObject *module = PyObject_GetAttr(object, scope_known.s_module);
    int rc;

    PyErr_Clear();
    if (module && PyUnicode_CheckExact(module))
        rc = scope_refer(object, module, name, shape);
    else
        rc = search(object, name, shape);
    Py_XDECREF(module);
    return rc;
}

/* The module's name out of the type itself, past any metaclass. */
static PyObject *module_of(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    PyObject *module;

    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        module = in_dict(type->tp_dict, scope_known.s_module);
        return module && PyUnicode_CheckExact(module) ? Py_NewRef(module) : NULL;
    }
    return dot ? PyUnicode_FromStringAndSize(type->tp_name, dot - type->tp_name)
               : Py_NewRef(scope_known.s_builtins);
}

/* Under another name than its own: functools has `_CacheInfo`, which calls
 * itself `CacheInfo`. */
static int refer_other_name(PyTypeObject *type, PyObject *module_name, struct scope_shape *shape)
{
    PyObject *module = module_name ? scope_refer_module(module_name) : NULL, *name, *value;
    Py_ssize_t position = 0;

    while (module && PyDict_Next(PyModule_GetDict(module), &position, &name, &value))
        if (value == (PyObject *)type && PyUnicode_CheckExact(name))
            return scope_refer(value, module_name, name, shape);
    return 0;
}

int scope_refer_class(PyTypeObject *type, struct scope_shape *shape)
{
    PyObject *module = module_of(type), *qualname = PyType_GetQualName(type), *name;
    int rc = scope_refer((PyObject *)type, module, qualname, shape);

    if (rc == 0)
        rc = refer_other_name(type, module, shape);
    Py_XDECREF(module);
    Py_XDECREF(qualname);
    PyErr_Clear();
    if (rc != 0)
        return rc;
    name = in_dict(scope_known.type_names, (PyObject *)type);
    if (!name)
        return 0;
    shape->kind = KIND_GLOBAL;
    shape->parts[0] = Py_NewRef(scope_known.s_types);
    shape->parts[1] = Py_NewRef(name);
    return 1;
}

int scope_refer_namespace(PyObject *dict, struct scope_shape *shape)
{
    PyObject *name = in_dict(dict, scope_known.s_name), *module;

    module = name ? scope_refer_module(name) : NULL;
    if (!module || PyModule_GetDict(module) != dict)
        return 0;
    shape->kind = KIND_GLOBAL;
    shape->parts[0] = Py_NewRef(name);
    shape->parts[1] = Py_NewRef(scope_known.s_dict);
    return 1;
}
