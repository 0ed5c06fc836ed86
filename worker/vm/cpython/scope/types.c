#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/types.h"

#include <stdlib.h>
#include <structmember.h>

#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"

/* Instances of a type by name are looked for among so many of its module. */
#define NAMED_MAX 64

PyTypeObject *scope_types_static_base(PyTypeObject *type)
{
    while ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == scope_known.class_dealloc)
        type = type->tp_base;
    return type;
}

static bool inherits(PyTypeObject *type, PyObject *name, PyObject *implementation)
{
    return _PyType_Lookup(type, name) == implementation;
}

static bool has(PyTypeObject *type, PyObject *name)
{
    return _PyType_Lookup(type, name) != NULL;
}

/* Whether pickling does what `object` says, so that it needn't be asked. */
static bool is_simple(PyTypeObject *type)
{
    return scope_types_static_base(type) == &PyBaseObject_Type &&
           inherits(type, scope_known.s_reduce_ex, scope_known.object_reduce_ex) &&
           inherits(type, scope_known.s_reduce, scope_known.object_reduce) &&
           inherits(type, scope_known.s_getstate, scope_known.object_getstate) &&
           !has(type, scope_known.s_setstate) && !has(type, scope_known.s_getnewargs) &&
           !has(type, scope_known.s_getnewargs_ex);
}

static bool is_simple_exception(PyTypeObject *type)
{
    PyObject *reduce = _PyType_Lookup(type, scope_known.s_reduce);

    return PyType_IsSubtype(type, (PyTypeObject *)PyExc_BaseException) &&
           inherits(type, scope_known.s_reduce_ex, scope_known.object_reduce_ex) &&
           (reduce == scope_known.exception_reduce || reduce == scope_known.os_error_reduce ||
            reduce == scope_known.import_error_reduce) &&
           inherits(type, scope_known.s_setstate, scope_known.exception_setstate) &&
           inherits(type, scope_known.s_getstate, scope_known.object_getstate);
}

static bool is_wrapper(PyTypeObject *type)
{
    PyObject *object = (PyObject *)type;

    return type == &PyMethod_Type || type == &PyStaticMethod_Type || type == &PyClassMethod_Type ||
           type == &PyDictProxy_Type || type == &_PyWeakref_RefType ||
           PyType_IsSubtype(type, &PyProperty_Type) || object == scope_known.lru_cache ||
           object == scope_known.weak_key_dict || object == scope_known.weak_value_dict ||
           object == scope_known.weak_set || object == scope_known.weak_method ||
           PyType_IsSubtype(type, (PyTypeObject *)scope_known.generator_context) ||
           PyType_IsSubtype(type, (PyTypeObject *)scope_known.cached_property);
}

/* A member of an enum of the scope's own: the class can't be asked for it while
 * it is being made. */
static bool is_own_enum(PyTypeObject *type)
{
    struct scope_shape shape = {0};
    bool own = PyType_IsSubtype(type, (PyTypeObject *)scope_known.enum_type) &&
               scope_refer_class(type, &shape) == 0;

    scope_shape_clear(&shape);
    return own;
}

static enum scope_way way_of(PyTypeObject *type)
{
    if (type == &PyFunction_Type)
        return WAY_FUNCTION;
    if (PyType_IsSubtype(type, &PyType_Type))
        return WAY_CLASS;
    if (PyType_IsSubtype(type, &PyModule_Type))
        return WAY_MODULE;
    if (type == &PyCell_Type)
        return WAY_CELL;
    if (type == &PyCode_Type)
        return WAY_CODE;
    if (type == &PyPickleBuffer_Type)
        return WAY_BUFFER;
    if (PyDict_Contains(scope_known.dispatch_table, (PyObject *)type) == 1)
        return WAY_REDUCE;
    if (is_wrapper(type))
        return WAY_WRAPPER;
    if (is_simple_exception(type))
        return WAY_EXCEPTION;
    if (is_own_enum(type))
        return WAY_ENUM;
    return is_simple(type) ? WAY_INSTANCE : WAY_REDUCE;
}

static bool has_slots(PyTypeObject *type)
{
    PyTypeObject *base = scope_types_static_base(type);

    for (; type != base; type = type->tp_base)
        if (type->tp_members && type->tp_members->name)
            return true;
    return false;
}

/* Sentinels, registries and the like: objects that the module which defines
 * their class holds itself, and whose identity code asks for. */
static int find_named(struct scope_type *item)
{
    struct scope_shape shape = {0};
    PyObject *module, *name, *value;
    Py_ssize_t position = 0;

    item->named = PyList_New(0);
    if (!item->named)
        return -1;
    if (scope_refer_class(item->type, &shape) != 1)
        return 0;
    module = scope_refer_module(shape.parts[0]);
    item->module = Py_NewRef(shape.parts[0]);
    scope_shape_clear(&shape);
    if (!module || PyUnicode_Compare(item->module, scope_known.s_builtins) == 0 ||
        PyUnicode_Compare(item->module, scope_known.s_types) == 0)
        return 0;
    while (PyDict_Next(PyModule_GetDict(module), &position, &name, &value))
        if (Py_TYPE(value) == item->type && PyUnicode_CheckExact(name) &&
            PyList_GET_SIZE(item->named) < 2 * NAMED_MAX &&
            (PyList_Append(item->named, value) < 0 || PyList_Append(item->named, name) < 0))
            return -1;
    return 0;
}

static void drop(struct scope_type *item)
{
    Py_XDECREF(item->type);
    Py_XDECREF(item->named);
    Py_XDECREF(item->module);
}

void scope_types_free(struct scope_types *types)
{
    for (size_t i = 0; i < types->room; i++)
        drop(&types->items[i]);
    free(types->items);
    *types = (struct scope_types){0};
}

static struct scope_type *place_of(struct scope_types *types, PyTypeObject *type)
{
    size_t at = (size_t)(((uintptr_t)type >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32);

    for (at &= types->room - 1; types->items[at].type && types->items[at].type != type;)
        at = (at + 1) & (types->room - 1);
    return &types->items[at];
}

static int grow(struct scope_types *types)
{
    struct scope_types bigger = {.room = types->room ? types->room * 2 : 64};

    bigger.items = calloc(bigger.room, sizeof(*bigger.items));
    if (!bigger.items)
        return -1;
    bigger.count = types->count;
    for (size_t i = 0; i < types->room; i++)
        if (types->items[i].type)
            *place_of(&bigger, types->items[i].type) = types->items[i];
    free(types->items);
    *types = bigger;
    return 0;
}

const struct scope_type *scope_types_get(struct scope_types *types, PyTypeObject *type)
{
    struct scope_type item = {.type = type}, *place;

    if ((types->count + 1) * 2 > types->room && grow(types) < 0)
        return NULL;
    place = place_of(types, type);
    if (place->type)
        return place;
    item.way = way_of(type);
    item.slots = has_slots(type);
    PyErr_Clear();
    Py_INCREF(type);
    if (item.way >= WAY_WRAPPER && find_named(&item) < 0) {
        PyErr_Clear();
        drop(&item);
        return NULL;
    }
    types->count++;
    *place = item;
    return place;
}
