/* Classes: by name where their module has them, else whole. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"
#include "worker/vm/cpython/text.h"

static bool is(PyObject *key, PyObject *name)
{
    return key == name || (PyUnicode_CheckExact(key) && PyUnicode_Compare(key, name) == 0);
}

/* What the interpreter puts there for slots, `__dict__` and `__weakref__`; a
 * decorator that makes a class anew copies it from the old one. */
static bool is_own_descriptor(PyTypeObject *type, PyObject *key, PyObject *value)
{
    if (Py_TYPE(value) == &PyMemberDescr_Type)
        return PyDescr_TYPE(value) == type;
    return Py_TYPE(value) == &PyGetSetDescr_Type &&
           (is(key, scope_known.s_dict) || is(key, scope_known.s_weakref));
}

/* What a class statement could have said. */
static PyObject *namespace_of(PyTypeObject *type)
{
    PyObject *space = PyDict_New(), *key, *value;
    bool abstract = PyDict_Contains(type->tp_dict, scope_known.s_abc_impl) == 1;
    Py_ssize_t position = 0;

    while (space && PyDict_Next(type->tp_dict, &position, &key, &value)) {
        if (is_own_descriptor(type, key, value) || is(key, scope_known.s_abc_impl) ||
            (abstract && is(key, scope_known.s_abstractmethods)))
            continue;
        if (PyDict_SetItem(space, key, value) < 0)
            Py_CLEAR(space);
    }
    return space;
}

/* The classes that were registered with an ABC and live. */
static PyObject *registered(PyTypeObject *type)
{
    PyObject *dump, *list = PyList_New(0), *item;
    Py_ssize_t position = 0;
    Py_hash_t hash;

    dump = PyObject_CallOneArg(scope_known.abc_dump, (PyObject *)type);
    if (!dump || !PyTuple_Check(dump) || PyTuple_GET_SIZE(dump) < 1 ||
        !PySet_Check(PyTuple_GET_ITEM(dump, 0)))
        Py_CLEAR(list);
    while (list && _PySet_NextEntry(PyTuple_GET_ITEM(dump, 0), &position, &item, &hash)) {
        PyObject *subclass = PyWeakref_Check(item) ? PyWeakref_GetObject(item) : Py_None;

        if (subclass != Py_None && PyList_Append(list, subclass) < 0)
            Py_CLEAR(list);
    }
    Py_XDECREF(dump);
    return list;
}

static int describe_own_class(PyTypeObject *type, struct scope_shape *shape)
{
    shape->kind = KIND_CLASS;
    shape->parts[PART_CLASS_NAME] = PyType_GetName(type);
    shape->parts[PART_CLASS_QUALNAME] = PyType_GetQualName(type);
    shape->parts[PART_METACLASS] = Py_NewRef(Py_TYPE(type));
    shape->parts[PART_BASES] = Py_NewRef(type->tp_bases);
    shape->parts[PART_NAMESPACE] = namespace_of(type);
    if (!shape->parts[PART_CLASS_NAME] || !shape->parts[PART_CLASS_QUALNAME] ||
        !shape->parts[PART_NAMESPACE])
        return -1;
    if (PyDict_Contains(type->tp_dict, scope_known.s_abc_impl) == 1) {
        shape->parts[PART_VIRTUAL] = registered(type);
        return shape->parts[PART_VIRTUAL] ? 0 : -1;
    }
    return 0;
}

int scope_describe_class(struct scope_source *source, PyTypeObject *type, struct scope_shape *shape)
{
    PyObject *name;
    int rc = scope_refer_class(type, shape);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == scope_known.class_dealloc)
        return describe_own_class(type, shape);
    name = viv_text_type_name(type, true);
    rc = scope_op_refuse(source->op, "the built-in type %V is in no module under that name", name,
                         "?");
    Py_XDECREF(name);
    return rc;
}
