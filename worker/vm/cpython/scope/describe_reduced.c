/* The reduce protocol: PEP 307 as of protocol 5. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include <string.h>

#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"
#include "worker/vm/cpython/scope/text.h"
#include "worker/vm/cpython/scope/types.h"

#define PROTOCOL 5

static PyObject *call_reduce(PyObject *object)
{
    PyObject *reducer, *protocol, *result;

    reducer = PyDict_GetItemWithError(scope_known.dispatch_table, (PyObject *)Py_TYPE(object));
    if (reducer)
        return PyObject_CallOneArg(reducer, object);
    if (PyErr_Occurred())
        return NULL;
    if (_PyObject_LookupAttr(object, scope_known.s_reduce_ex, &reducer) < 0)
        return NULL;
    if (!reducer)
        return PyObject_CallMethodNoArgs(object, scope_known.s_reduce);
    protocol = PyLong_FromLong(PROTOCOL);
    result = protocol ? PyObject_CallOneArg(reducer, protocol) : NULL;
    Py_XDECREF(protocol);
    Py_DECREF(reducer);
    return result;
}

/* A reduce that names a global. Type variables and their like name themselves
 * after the scope's variable; these are described as they are. */
static int describe_name(struct scope_source *source, PyObject *object, PyObject *name,
                         struct scope_shape *shape)
{
    PyTypeObject *type = Py_TYPE(object);
    int rc = scope_refer_name(object, name, shape);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (scope_types_static_base(type) == &PyBaseObject_Type)
        return scope_describe_instance(source, object, shape);
    return scope_op_refuse(source->op, "its reduce names it %R, and no module has it by that name",
                           name);
}

static PyObject *all_of(PyObject *iterator)
{
    return PySequence_List(iterator);
}

/* An iterator of pairs, as a flat list. */
static PyObject *all_pairs(struct scope_source *source, PyObject *iterator)
{
    PyObject *flat = PyList_New(0), *pair;

    while (flat && (pair = PyIter_Next(iterator))) {
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            scope_op_refuse(source->op, "its reduce gave dict items that are no pairs");
            Py_CLEAR(flat);
        } else if (PyList_Append(flat, PyTuple_GET_ITEM(pair, 0)) < 0 ||
                   PyList_Append(flat, PyTuple_GET_ITEM(pair, 1)) < 0 ||
                   scope_op_count(source->op) < 0) {
            Py_CLEAR(flat);
        }
        Py_DECREF(pair);
    }
    if (PyErr_Occurred())
        Py_CLEAR(flat);
    return flat;
}

static int take_items(struct scope_source *source, PyObject *list, PyObject *dict,
                      struct scope_shape *shape)
{
    if ((list && !PyIter_Check(list)) || (dict && !PyIter_Check(dict)))
        return scope_op_refuse(source->op, "its reduce gave items that are no iterator");
    if (list) {
        shape->parts[PART_LIST_ITEMS] = all_of(list);
        if (!shape->parts[PART_LIST_ITEMS])
            return -1;
    }
    if (dict) {
        shape->parts[PART_DICT_ITEMS] = all_pairs(source, dict);
        if (!shape->parts[PART_DICT_ITEMS])
            return -1;
    }
    return 0;
}

/* Whether the reduce is that of a built-in type, for a class made of it. */
static bool is_inherited(PyTypeObject *type)
{
    PyTypeObject *base = scope_types_static_base(type);

    return type != base && base != &PyBaseObject_Type &&
           _PyType_Lookup(type, scope_known.s_setstate) ==
               _PyType_Lookup(base, scope_known.s_setstate) &&
           PyDict_Contains(scope_known.dispatch_table, (PyObject *)type) == 0 &&
           _PyType_Lookup(type, scope_known.s_reduce_ex) ==
               _PyType_Lookup(base, scope_known.s_reduce_ex) &&
           _PyType_Lookup(type, scope_known.s_reduce) == _PyType_Lookup(base, scope_known.s_reduce);
}

/* Such a reduce knows nothing of what the class's instances have beside: a
 * Decimal with an attribute would come back without it. The dict and the slots;
 * 1: there are any, 0, -1. */
static int take_beside(PyObject *object, PyObject **ret_dict, PyObject **ret_slots)
{
    bool any;

    *ret_dict = NULL;
    *ret_slots = PyDict_New();
    if (Py_TYPE(object)->tp_dictoffset)
        *ret_dict = PyObject_GenericGetDict(object, NULL);
    if (!*ret_slots || PyErr_Occurred() || scope_describe_slots(object, *ret_slots) < 0) {
        Py_CLEAR(*ret_dict);
        Py_CLEAR(*ret_slots);
        return -1;
    }
    any = PyDict_GET_SIZE(*ret_slots) > 0 ||
          (*ret_dict && (PyDict_GET_SIZE(*ret_dict) > 0 || Py_REFCNT(*ret_dict) > 2));
    if (!any) {
        Py_CLEAR(*ret_dict);
        Py_CLEAR(*ret_slots);
    }
    return any;
}

/* As the state of an object that has none, and no say in it. */
static int add_state_beside(PyObject *object, struct scope_shape *shape)
{
    PyObject *dict, *slots;
    int rc = take_beside(object, &dict, &slots);

    if (rc <= 0)
        return rc;
    shape->parts[PART_STATE] = PyTuple_Pack(2, dict ? dict : Py_None, slots);
    Py_XDECREF(dict);
    Py_DECREF(slots);
    return shape->parts[PART_STATE] ? 0 : -1;
}

/* Beside a state, as an array has one. What a class of the library leaves out is
 * its own decision: numpy's memmap comes back without its file. */
static int attach_beside(PyObject *object, struct scope_shape *shape)
{
    struct scope_shape named = {0};
    int rc = scope_refer_class(Py_TYPE(object), &named);

    scope_shape_clear(&named);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return take_beside(object, &shape->parts[PART_DICT], &shape->parts[PART_OWN_SLOTS]) < 0 ? -1
                                                                                            : 0;
}

/* An empty dict that others have, too: what they put into it later counts. The
 * reduce of `object` passes it over. New, or NULL. */
static PyObject *empty_dict(PyObject *object)
{
    PyObject **place;

    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) ||
        _PyType_Lookup(Py_TYPE(object), scope_known.s_getstate) != scope_known.object_getstate ||
        _PyType_Lookup(Py_TYPE(object), scope_known.s_reduce_ex) != scope_known.object_reduce_ex)
        return NULL;
    place = _PyObject_GetDictPtr(object);
    return place && *place && Py_REFCNT(*place) > 1 ? Py_NewRef(*place) : NULL;
}

/* What the object has and its reduce has left out. */
static int add_own(PyObject *object, PyObject *const *items, Py_ssize_t size,
                   struct scope_shape *shape)
{
    PyTypeObject *type = Py_TYPE(object);
    bool setstate = _PyType_Lookup(type, scope_known.s_setstate) != NULL;

    if (!setstate && size == 2 && items[0] == (PyObject *)type && is_inherited(type))
        return add_state_beside(object, shape);
    if (setstate && items[2] && !items[5] && is_inherited(type))
        return attach_beside(object, shape);
    if (!items[2])
        shape->parts[PART_STATE] = empty_dict(object);
    return 0;
}

static int describe_tuple(struct scope_source *source, PyObject *object, PyObject *tuple,
                          struct scope_shape *shape)
{
    PyObject *items[6] = {NULL};
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);

    if (size < 2 || size > 6)
        return scope_op_refuse(source->op, "its reduce gave a tuple of %zd items", size);
    for (Py_ssize_t i = 0; i < size; i++)
        if (PyTuple_GET_ITEM(tuple, i) != Py_None)
            items[i] = PyTuple_GET_ITEM(tuple, i);
    if (!items[0] || !PyCallable_Check(items[0]))
        return scope_op_refuse(source->op, "its reduce gave no callable");
    if (!items[1] || !PyTuple_CheckExact(items[1]))
        return scope_op_refuse(source->op, "its reduce gave arguments that are no tuple");
    if (items[5] && !PyCallable_Check(items[5]))
        return scope_op_refuse(source->op, "its reduce gave a state setter that can't be called");
    scope_describe_call(shape, items[0], Py_NewRef(items[1]), Py_XNewRef(items[2]));
    shape->parts[PART_SETTER] = Py_XNewRef(items[5]);
    if (add_own(object, items, size, shape) < 0)
        return -1;
    return take_items(source, items[3], items[4], shape);
}

/* The worker's own streams, wherever they lead there. */
static bool is_stream(PyObject *object, struct scope_shape *shape)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};

    if (strncmp(Py_TYPE(object)->tp_name, "_io.", 4) != 0)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (PySys_GetObject(names[i]) != object)
            continue;
        shape->kind = KIND_GLOBAL;
        shape->parts[0] = PyUnicode_FromString("sys");
        shape->parts[1] = PyUnicode_FromString(names[i]);
        return true;
    }
    return false;
}

int scope_describe_reduced(struct scope_source *source, PyObject *object, struct scope_shape *shape)
{
    PyObject *reduced;
    int rc;

    if (is_stream(object, shape))
        return shape->parts[0] && shape->parts[1] ? 0 : -1;
    rc = scope_describe_view(source, object, shape);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    reduced = call_reduce(object);
    if (!reduced)
        return -1;
    if (PyUnicode_Check(reduced))
        rc = describe_name(source, object, reduced, shape);
    else if (PyTuple_Check(reduced))
        rc = describe_tuple(source, object, reduced, shape);
    else
        rc = scope_op_refuse(source->op, "its reduce gave neither a tuple nor a str");
    Py_DECREF(reduced);
    return rc;
}
