/* Objects of the interpreter and its library that hold functions or refer to
 * others, and that pickle knows nothing of: made anew by calling their type. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include <string.h>

#include "worker/vm/cpython/scope/known.h"

static int describe_method(PyObject *object, struct scope_shape *shape)
{
    PyObject *pair = PyTuple_Pack(2, PyMethod_GET_FUNCTION(object), PyMethod_GET_SELF(object));

    return scope_describe_call(shape, (PyObject *)&PyMethod_Type, pair, NULL);
}

/* Whether a holder's dict says no more than its constructor will put there. */
static bool is_copied_dict(PyObject *dict)
{
    static const char *const copied[] = {"__module__", "__name__", "__qualname__", "__doc__",
                                         "__annotations__"};
    Py_ssize_t found = 0;

    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
        found += PyDict_GetItemString(dict, copied[i]) != NULL;
    return found == PyDict_GET_SIZE(dict);
}

/* staticmethod and classmethod. */
static int describe_holder(PyObject *object, struct scope_shape *shape)
{
    PyObject *function = PyObject_GetAttrString(object, "__func__");
    PyObject *dict = PyObject_GenericGetDict(object, NULL), *arguments = NULL;

    if (function && dict)
        arguments = PyTuple_Pack(1, function);
    if (dict && is_copied_dict(dict))
        Py_CLEAR(dict);
    Py_XDECREF(function);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, dict);
}

static PyObject *generic(PyObject *object, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name), *value = NULL;

    if (key)
        value = PyObject_GenericGetAttr(object, key);
    Py_XDECREF(key);
    return value;
}

static int describe_property(PyObject *object, struct scope_shape *shape)
{
    static const char *const names[] = {"fget", "fset", "fdel", "__doc__"};
    PyObject *arguments = PyTuple_New(4), *state = NULL, **dict = _PyObject_GetDictPtr(object);

    for (Py_ssize_t i = 0; arguments && i < 4; i++) {
        PyObject *value = generic(object, names[i]);

        if (value)
            PyTuple_SET_ITEM(arguments, i, value);
        else
            Py_CLEAR(arguments);
    }
    if (dict && *dict && PyDict_GET_SIZE(*dict) > 0)
        state = PyDict_Copy(*dict);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, state);
}

static int take_first(PyObject *object, void *place)
{
    *(PyObject **)place = object;
    return 1;
}

static int describe_proxy(PyObject *object, struct scope_shape *shape)
{
    PyObject *mapping = NULL;

    Py_TYPE(object)->tp_traverse(object, take_first, &mapping);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object),
                               mapping ? PyTuple_Pack(1, mapping) : NULL, NULL);
}

/* A dead reference is made dead by referring to an object that nobody keeps. */
static int describe_weakref(PyObject *object, struct scope_shape *shape)
{
    PyObject *target = PyWeakref_GET_OBJECT(object);
    PyObject *callback = ((PyWeakReference *)object)->wr_callback, *arguments;

    Py_INCREF(target);
    if (target == Py_None)
        Py_SETREF(target, PySet_New(NULL));
    if (!target)
        return -1;
    arguments = callback ? PyTuple_Pack(2, target, callback) : PyTuple_Pack(1, target);
    Py_DECREF(target);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, NULL);
}

static PyObject *alive(PyObject *reference)
{
    PyObject *target = PyWeakref_Check(reference) ? PyWeakref_GET_OBJECT(reference) : Py_None;

    return target == Py_None ? NULL : target;
}

/* What lives of WeakKeyDictionary and WeakValueDictionary, as a dict. */
static PyObject *live_items(PyObject *data, bool by_key)
{
    PyObject *items = PyDict_New(), *key, *value;
    Py_ssize_t position = 0;

    while (items && PyDict_Check(data) && PyDict_Next(data, &position, &key, &value)) {
        PyObject *live = alive(by_key ? key : value);

        if (!live)
            continue;
        if (PyDict_SetItem(items, by_key ? live : key, by_key ? value : live) < 0)
            Py_CLEAR(items);
    }
    return items;
}

static PyObject *live_members(PyObject *data)
{
    PyObject *items = PyList_New(0), *item;
    Py_ssize_t position = 0;
    Py_hash_t hash;

    while (items && PySet_Check(data) && _PySet_NextEntry(data, &position, &item, &hash)) {
        PyObject *live = alive(item);

        if (live && PyList_Append(items, live) < 0)
            Py_CLEAR(items);
    }
    return items;
}

static int describe_weak(PyObject *object, struct scope_shape *shape)
{
    PyObject *type = (PyObject *)Py_TYPE(object), *items, *arguments = NULL;
    PyObject *data = PyObject_GetAttr(object, scope_known.s_data);

    if (!data)
        return -1;
    items = type == scope_known.weak_set ? live_members(data)
                                         : live_items(data, type == scope_known.weak_key_dict);
    Py_DECREF(data);
    if (items)
        arguments = PyTuple_Pack(1, items);
    Py_XDECREF(items);
    return scope_describe_call(shape, type, arguments, NULL);
}

/* A cache comes back empty: what it held may be large, and may be wrong there. */
static int describe_cache(PyObject *object, struct scope_shape *shape)
{
    PyObject *dict = PyObject_GenericGetDict(object, NULL), *arguments = NULL;
    PyObject *wrapped = dict ? PyDict_GetItemString(dict, "__wrapped__") : NULL;
    PyObject *settings = PyObject_CallMethod(object, "cache_parameters", NULL);
    PyObject *size, *typed;

    if (settings && PyDict_Check(settings) && wrapped) {
        size = PyDict_GetItemString(settings, "maxsize");
        typed = PyDict_GetItemString(settings, "typed");
        if (size && typed)
            arguments = PyTuple_Pack(4, wrapped, size, typed, scope_known.cache_info);
    }
    Py_XDECREF(settings);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, dict);
}

/* It has a lock, which its constructor makes. */
static int describe_cached_property(PyObject *object, struct scope_shape *shape)
{
    PyObject *dict = PyObject_GenericGetDict(object, NULL), *state = NULL, *arguments = NULL;
    PyObject *function = dict ? PyDict_GetItemString(dict, "func") : NULL;

    if (function) {
        state = PyDict_Copy(dict);
        arguments = PyTuple_Pack(1, function);
    }
    Py_XDECREF(dict);
    if (state && PyDict_DelItem(state, scope_known.s_lock) < 0)
        PyErr_Clear();
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, state);
}

int scope_describe_wrapper(struct scope_source *source, PyObject *object, struct scope_shape *shape)
{
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyMethod_Type)
        return describe_method(object, shape);
    if (type == &PyStaticMethod_Type || type == &PyClassMethod_Type)
        return describe_holder(object, shape);
    if (type == &PyDictProxy_Type)
        return describe_proxy(object, shape);
    if (type == &_PyWeakref_RefType)
        return describe_weakref(object, shape);
    if (PyType_IsSubtype(type, &PyProperty_Type))
        return describe_property(object, shape);
    if ((PyObject *)type == scope_known.lru_cache)
        return describe_cache(object, shape);
    if (PyType_IsSubtype(type, (PyTypeObject *)scope_known.cached_property))
        return describe_cached_property(object, shape);
    if ((PyObject *)type == scope_known.weak_method)
        return scope_describe_weak_method(source, object, shape);
    if (PyType_IsSubtype(type, (PyTypeObject *)scope_known.generator_context))
        return scope_describe_context(source, object, shape);
    return describe_weak(object, shape);
}
