#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include <marshal.h>
#include <structmember.h>

#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"
#include "worker/vm/cpython/scope/types.h"

/* --- functions ------------------------------------------------------------ */

/* What the interpreter would make of them by itself is not carried. */
static PyObject *own_doc(PyFunctionObject *function)
{
    PyObject *consts = ((PyCodeObject *)function->func_code)->co_consts, *given = Py_None;

    if (PyTuple_GET_SIZE(consts) > 0 && PyUnicode_Check(PyTuple_GET_ITEM(consts, 0)))
        given = PyTuple_GET_ITEM(consts, 0);
    return function->func_doc == given ? NULL : function->func_doc;
}

static PyObject *own_module(PyFunctionObject *function)
{
    PyObject *given = PyDict_GetItemWithError(function->func_globals, scope_known.s_name);
    PyObject *module = function->func_module;

    PyErr_Clear();
    if (given == module || (given && module && PyUnicode_CheckExact(given) &&
                            PyUnicode_CheckExact(module) && PyUnicode_Compare(given, module) == 0))
        return NULL;
    return module ? module : Py_None;
}

static PyObject *unless_empty(PyObject *dict)
{
    return dict && (PyDict_GET_SIZE(dict) > 0 || Py_REFCNT(dict) > 1) ? dict : NULL;
}

static int describe_own_function(struct scope_source *source, PyObject *object,
                                 struct scope_shape *shape)
{
    PyFunctionObject *function = (PyFunctionObject *)object;
    PyObject *const parts[FUNCTION_PARTS] = {
        [PART_CODE] = function->func_code,
        [PART_FUNCTION_NAME] = function->func_name,
        [PART_FUNCTION_QUALNAME] = function->func_qualname,
        [PART_DEFAULTS] = function->func_defaults,
        [PART_KWDEFAULTS] = function->func_kwdefaults,
        [PART_ANNOTATIONS] = unless_empty(PyFunction_GetAnnotations(object)),
        [PART_DOC] = own_doc(function),
        [PART_ATTRIBUTES] = unless_empty(function->func_dict),
        [PART_CLOSURE] = function->func_closure,
        [PART_FUNCTION_MODULE] = own_module(function),
        [PART_GLOBALS] = function->func_globals == source->globals ? NULL : function->func_globals,
    };

    shape->kind = KIND_FUNCTION;
    for (int i = 0; i < FUNCTION_PARTS; i++)
        shape->parts[i] = Py_XNewRef(parts[i]);
    return 0;
}

static int describe_function(struct scope_source *source, PyObject *object,
                             struct scope_shape *shape)
{
    PyFunctionObject *function = (PyFunctionObject *)object;

    if (function->func_globals != source->globals) {
        int rc = scope_refer(object, function->func_module, function->func_qualname, shape);

        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return describe_own_function(source, object, shape);
}

/* --- modules -------------------------------------------------------------- */

/* "a.b" of a module "a": those that are loaded and can be reached through it. */
static PyObject *submodules(PyObject *name)
{
    PyObject *prefix = PyUnicode_FromFormat("%U.", name), *found = PyList_New(0);
    PyObject *key, *module, *rest;
    Py_ssize_t position = 0, cut = PyUnicode_GET_LENGTH(name) + 1;

    while (prefix && found && PyDict_Next(scope_known.modules, &position, &key, &module)) {
        if (!PyUnicode_CheckExact(key) || !PyModule_Check(module) ||
            PyUnicode_Tailmatch(key, prefix, 0, cut, -1) != 1 || !scope_refer_module(key))
            continue;
        rest = PyUnicode_Substring(key, cut, PY_SSIZE_T_MAX);
        if (!rest || PyList_Append(found, rest) < 0)
            Py_CLEAR(found);
        Py_XDECREF(rest);
    }
    Py_XDECREF(prefix);
    return found;
}

/* A module that user code put together: `ModuleType(name)`, then its names. */
static int describe_own_module(PyObject *module, struct scope_shape *shape)
{
    static const char *const left_out[] = {"__builtins__", "__loader__", "__spec__"};
    PyObject *dict = PyModule_GetDict(module), *state = PyDict_Copy(dict), *name;

    name = PyDict_GetItemWithError(dict, scope_known.s_name);
    for (size_t i = 0; state && i < sizeof(left_out) / sizeof(left_out[0]); i++)
        if (PyDict_DelItemString(state, left_out[i]) < 0)
            PyErr_Clear();
    if (!name || !PyUnicode_Check(name) || !state) {
        Py_XDECREF(state);
        return -1;
    }
    return scope_describe_call(shape, (PyObject *)Py_TYPE(module), PyTuple_Pack(1, name), state);
}

static int describe_module(struct scope_source *source, PyObject *module, struct scope_shape *shape)
{
    PyObject *name = scope_refer_module_name(module);

    /* The functions that were made in it have its dict, too. */
    if (!name)
        return Py_REFCNT(PyModule_GetDict(module)) > 1
                   ? scope_describe_instance(source, module, shape)
                   : describe_own_module(module, shape);
    shape->kind = KIND_MODULE;
    shape->parts[0] = Py_NewRef(name);
    if (PyDict_Contains(PyModule_GetDict(module), scope_known.s_path) != 1)
        return 0;
    shape->parts[1] = submodules(name);
    if (shape->parts[1] && PyList_GET_SIZE(shape->parts[1]) == 0)
        Py_CLEAR(shape->parts[1]);
    return PyErr_Occurred() ? -1 : 0;
}

/* --- instances ------------------------------------------------------------ */

static int take_slots(const PyTypeObject *type, PyObject *object, PyObject *slots)
{
    for (PyMemberDef *m = type->tp_members; m && m->name; m++) {
        PyObject *value = *(PyObject **)((char *)object + m->offset);

        if (value && PyDict_SetItemString(slots, m->name, value) < 0)
            return -1;
    }
    return 0;
}

int scope_describe_slots(PyObject *object, PyObject *slots)
{
    const PyTypeObject *base = scope_types_static_base(Py_TYPE(object)), *type = Py_TYPE(object);

    for (; type != base; type = type->tp_base)
        if (take_slots(type, object, slots) < 0)
            return -1;
    return 0;
}

int scope_describe_instance(struct scope_source *source, PyObject *object,
                            struct scope_shape *shape)
{
    const struct scope_type *known = scope_types_get(source->types, Py_TYPE(object));
    PyObject *dict = NULL;

    if (!known)
        return scope_op_abort(source->op, SCOPE_NO_MEMORY);
    shape->kind = KIND_INSTANCE;
    shape->parts[PART_TYPE] = Py_NewRef(Py_TYPE(object));
    if (Py_TYPE(object)->tp_dictoffset) {
        dict = PyObject_GenericGetDict(object, NULL);
        if (!dict)
            return -1;
        shape->parts[PART_INSTANCE_DICT] = dict;
        /* The object and `shape` have it; whoever else does may be in the scope. */
        if (Py_REFCNT(dict) > 2 || !PyDict_CheckExact(dict))
            shape->kind = KIND_SHARER;
    }
    if (!known->slots)
        return 0;
    shape->parts[PART_SLOTS] = PyDict_New();
    return shape->parts[PART_SLOTS] ? scope_describe_slots(object, shape->parts[PART_SLOTS]) : -1;
}

int scope_describe_call(struct scope_shape *shape, PyObject *callable, PyObject *arguments,
                        PyObject *state)
{
    shape->kind = KIND_REDUCED;
    shape->parts[PART_CALLABLE] = Py_NewRef(callable);
    shape->parts[PART_ARGUMENTS] = arguments;
    shape->parts[PART_STATE] = state;
    return arguments ? 0 : -1;
}

/* --- all of them ---------------------------------------------------------- */

static int describe_code(PyObject *code, struct scope_shape *shape)
{
    shape->kind = KIND_CODE;
    shape->parts[0] = PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION);
    return shape->parts[0] ? 0 : -1;
}

static int describe_other(struct scope_source *source, PyObject *object, enum scope_way way,
                          struct scope_shape *shape)
{
    switch (way) {
    case WAY_FUNCTION:
        return describe_function(source, object, shape);
    case WAY_CLASS:
        return scope_describe_class(source, (PyTypeObject *)object, shape);
    case WAY_MODULE:
        return describe_module(source, object, shape);
    case WAY_CELL:
        shape->kind = KIND_CELL;
        shape->parts[0] = PyCell_Get(object);
        return 0;
    case WAY_CODE:
        return describe_code(object, shape);
    case WAY_BUFFER:
        shape->kind = KIND_BUFFER;
        return 0;
    case WAY_WRAPPER:
        return scope_describe_wrapper(source, object, shape);
    case WAY_EXCEPTION:
        return scope_describe_exception(source, object, shape);
    case WAY_ENUM:
        return scope_describe_enum(source, object, shape);
    case WAY_INSTANCE:
        return scope_describe_instance(source, object, shape);
    default:
        return scope_describe_reduced(source, object, shape);
    }
}

/* An object that its class's module holds itself. */
static bool describe_named(const struct scope_type *type, PyObject *object,
                           struct scope_shape *shape)
{
    for (Py_ssize_t i = 0; type->named && i < PyList_GET_SIZE(type->named); i += 2)
        if (PyList_GET_ITEM(type->named, i) == object)
            return scope_refer(object, type->module, PyList_GET_ITEM(type->named, i + 1), shape) ==
                   1;
    return false;
}

int scope_describe(struct scope_source *source, PyObject *object, struct scope_shape *ret_shape)
{
    const struct scope_type *type = scope_types_get(source->types, Py_TYPE(object));
    struct scope_shape shape = {0};

    if (!type)
        return scope_op_abort(source->op, SCOPE_NO_MEMORY);
    if (!describe_named(type, object, &shape) &&
        describe_other(source, object, type->way, &shape) < 0) {
        scope_shape_clear(&shape);
        return -1;
    }
    *ret_shape = shape;
    return 0;
}
