/* Exceptions and members of enums: objects that their own reduce would make by
 * calling a class that expects other arguments, or that isn't finished. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include <string.h>
#include <structmember.h>

#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/types.h"

/* Not carried: tracebacks hold frames, and `obj` is whatever lacked a name. */
static bool is_left_out(const char *name)
{
    return strcmp(name, "__traceback__") == 0 || strcmp(name, "obj") == 0 ||
           strcmp(name, "__dict__") == 0 || strcmp(name, "__suppress_context__") == 0;
}

static bool is_settable(PyObject *descriptor)
{
    if (Py_TYPE(descriptor) == &PyMemberDescr_Type)
        return !(((PyMemberDescrObject *)descriptor)->d_member->flags & READONLY);
    return Py_TYPE(descriptor) == &PyGetSetDescr_Type &&
           ((PyGetSetDescrObject *)descriptor)->d_getset->set != NULL;
}

/* The fields that one built-in type keeps in C. */
static int take_fields(PyTypeObject *type, PyObject *object, PyObject *fields)
{
    PyObject *key, *descriptor;
    Py_ssize_t position = 0;

    while (PyDict_Next(type->tp_dict, &position, &key, &descriptor)) {
        PyObject *value;
        int rc = 0;

        if (!is_settable(descriptor) ||
            is_left_out(PyDescr_NAME(descriptor) ? PyUnicode_AsUTF8(PyDescr_NAME(descriptor))
                                                 : "obj"))
            continue;
        value = Py_TYPE(descriptor)->tp_descr_get(descriptor, object, (PyObject *)Py_TYPE(object));
        if (value && value != Py_None)
            rc = PyDict_SetItem(fields, key, value);
        Py_XDECREF(value);
        PyErr_Clear();
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* `__cause__` and `__context__` are among them; to set the first is to suppress
 * the second, so the flag is set last. */
static PyObject *fields_of(PyObject *object)
{
    PyTypeObject *type = scope_types_static_base(Py_TYPE(object));
    PyObject *fields = PyDict_New();
    bool suppress = ((PyBaseExceptionObject *)object)->suppress_context;

    for (; fields && type && type != &PyBaseObject_Type; type = type->tp_base)
        if (take_fields(type, object, fields) < 0)
            Py_CLEAR(fields);
    if (fields && scope_describe_slots(object, fields) < 0)
        Py_CLEAR(fields);
    if (fields &&
        PyDict_SetItemString(fields, "__suppress_context__", suppress ? Py_True : Py_False) < 0)
        Py_CLEAR(fields);
    return fields;
}

/* (cls, *args). */
static PyObject *with_class(PyObject *object, PyObject *args)
{
    PyObject *head = PyTuple_Pack(1, Py_TYPE(object)), *all = NULL;

    if (head && args)
        all = PySequence_Concat(head, args);
    Py_XDECREF(head);
    return all;
}

int scope_describe_exception(struct scope_source *source, PyObject *object,
                             struct scope_shape *shape)
{
    PyBaseExceptionObject *exception = (PyBaseExceptionObject *)object;
    PyObject *fields = fields_of(object), *state = NULL;
    PyObject *dict = exception->dict;

    if (!dict || (PyDict_GET_SIZE(dict) == 0 && Py_REFCNT(dict) == 1))
        dict = Py_None;

    if (fields)
        state = PyTuple_Pack(2, dict, fields);
    Py_XDECREF(fields);
    if (!state)
        return -1;
    return scope_describe_call(shape, scope_known.newobj, with_class(object, exception->args),
                               state);
}

/* What the built-in type in an enum's bases was made of: (7,) of an IntEnum. */
static PyObject *base_arguments(PyTypeObject *base, PyObject *object)
{
    PyObject *method = _PyType_Lookup(base, scope_known.s_getnewargs), *reduced, *args = NULL;

    if (base == &PyBaseObject_Type)
        return PyTuple_New(0);
    if (method)
        return PyObject_CallOneArg(method, object);
    method = _PyType_Lookup(base, scope_known.s_reduce);
    reduced = method ? PyObject_CallOneArg(method, object) : NULL;
    if (reduced && PyTuple_Check(reduced) && PyTuple_GET_SIZE(reduced) > 1)
        args = Py_NewRef(PyTuple_GET_ITEM(reduced, 1));
    Py_XDECREF(reduced);
    return args;
}

int scope_describe_enum(struct scope_source *source, PyObject *object, struct scope_shape *shape)
{
    PyTypeObject *base = scope_types_static_base(Py_TYPE(object));
    PyObject *maker, *args;
    int rc = -1;

    if (base == &PyBaseObject_Type)
        return scope_describe_instance(source, object, shape);
    maker = PyObject_GetAttr((PyObject *)base, scope_known.s_new);
    args = base_arguments(base, object);
    if (maker && args)
        rc = scope_describe_call(shape, maker, with_class(object, args),
                                 PyObject_GenericGetDict(object, NULL));
    Py_XDECREF(maker);
    Py_XDECREF(args);
    return rc;
}
