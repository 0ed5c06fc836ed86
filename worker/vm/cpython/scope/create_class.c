/* Classes. They were made once, where they come from: here no metaclass, no
 * `__init_subclass__` and no `__set_name__` is called again. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include <string.h>

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/scan.h"

/* --- creating --------------------------------------------------------------- */

/* type.__new__ calls `__init_subclass__` of the next class in the order of
 * resolution, which is the first base: for that moment, it has one of ours. */
static PyObject *make_quietly(PyTypeObject *meta, PyObject *name, PyObject *bases, PyObject *space)
{
    PyTypeObject *first = PyTuple_GET_SIZE(bases) > 0 ? (PyTypeObject *)PyTuple_GET_ITEM(bases, 0)
                                                      : &PyBaseObject_Type;
    PyObject *own = PyDict_GetItemWithError(first->tp_dict, scope_known.s_init_subclass);
    PyObject *args = PyTuple_Pack(3, name, bases, space), *type = NULL;

    Py_XINCREF(own);
    if (args &&
        PyDict_SetItem(first->tp_dict, scope_known.s_init_subclass, scope_known.noop) == 0) {
        PyObject *kind, *value, *traceback;

        type = PyType_Type.tp_new(meta, args, NULL);
        PyErr_Fetch(&kind, &value, &traceback);
        if (own)
            PyDict_SetItem(first->tp_dict, scope_known.s_init_subclass, own);
        else
            PyDict_DelItem(first->tp_dict, scope_known.s_init_subclass);
        PyErr_Restore(kind, value, traceback);
    }
    Py_XDECREF(own);
    Py_XDECREF(args);
    return type;
}

static bool key_is(struct scope_span item, const char *wanted, struct scope_field *ret_value)
{
    struct scope_field fields[ITEM_VALUE + 1], key;

    if (scope_reader_pick(item, fields, ITEM_VALUE) < 0)
        return false;
    *ret_value = fields[ITEM_VALUE];
    return scope_reader_next(&fields[ITEM_KEY].bytes, &key) > 0 && key.wire == WIRE_LENGTH &&
           scope_span_len(key.bytes) == strlen(wanted) &&
           memcmp(key.bytes.at, wanted, strlen(wanted)) == 0;
}

/* What type.__new__ must know: slots decide on the layout. */
static int take_slots(struct scope_restore *r, PyObject *space, struct scope_span namespace)
{
    struct scope_field field, value;
    PyObject *slots;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&namespace, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH ||
            !key_is(field.bytes, "__slots__", &value))
            continue;
        slots = scope_build_needed(r, &value, "slots");
        rc = slots ? PyDict_SetItem(space, scope_known.s_slots, slots) : -1;
        Py_XDECREF(slots);
    }
    return rc;
}

static PyObject *first_namespace(struct scope_restore *r, const struct scope_field *fields)
{
    PyObject *space = PyDict_New();
    PyObject *qualname = scope_build_text(r, &fields[CLASS_QUALIFIED_NAME]);

    if (!space || !qualname || PyDict_SetItem(space, scope_known.s_qualname, qualname) < 0 ||
        take_slots(r, space, fields[CLASS_NAMESPACE].bytes) < 0)
        Py_CLEAR(space);
    Py_XDECREF(qualname);
    return space;
}

static bool are_types(PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++)
        if (!PyType_Check(PyTuple_GET_ITEM(bases, i)))
            return false;
    return true;
}

static bool is_abstract_kind(PyObject *type)
{
    return PyType_IsSubtype(Py_TYPE(type), (PyTypeObject *)scope_known.abc_meta);
}

static int init_abstract(PyObject *type)
{
    PyObject *done;

    if (!is_abstract_kind(type))
        return 0;
    done = PyObject_CallOneArg(scope_known.abc_init, type);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *make(struct scope_restore *r, const struct scope_field *fields, PyObject *meta,
                      PyObject *bases)
{
    PyObject *name, *space, *type = NULL;

    if (!PyType_Check(meta) || !PyType_IsSubtype((PyTypeObject *)meta, &PyType_Type) ||
        !are_types(bases)) {
        scope_op_refuse(r->op, "the snapshot is damaged: a class's bases");
        return NULL;
    }
    name = scope_build_text(r, &fields[CLASS_NAME]);
    space = first_namespace(r, fields);
    if (name && space)
        type = make_quietly((PyTypeObject *)meta, name, bases, space);
    Py_XDECREF(name);
    Py_XDECREF(space);
    if (type && init_abstract(type) < 0)
        Py_CLEAR(type);
    return type;
}

PyObject *scope_create_class(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[CLASS_VIRTUAL_SUBCLASSES + 1];
    PyObject *meta, *bases, *type = NULL;

    if (scope_reader_pick(body, fields, CLASS_VIRTUAL_SUBCLASSES) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: a class");
        return NULL;
    }
    if (scope_build_field(r, &fields[CLASS_METACLASS], &meta) < 0)
        return NULL;
    if (!meta)
        meta = Py_NewRef(&PyType_Type);
    bases = scope_build_repeated(r, body, CLASS_BASES, 0);
    if (bases)
        type = make(r, fields, meta, bases);
    Py_XDECREF(bases);
    Py_DECREF(meta);
    return type;
}

/* --- filling ---------------------------------------------------------------- */

/* Names that set a slot of the type, so the type has to be told. Those that the
 * metaclass answers are put where it looks. */
static bool is_special(PyTypeObject *type, PyObject *key)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(key);
    PyObject *answered;

    if (len < 5 || PyUnicode_READ_CHAR(key, 0) != '_' || PyUnicode_READ_CHAR(key, 1) != '_' ||
        PyUnicode_READ_CHAR(key, len - 1) != '_')
        return false;
    if (PyUnicode_Compare(key, scope_known.s_abstractmethods) == 0)
        return true;
    answered = _PyType_Lookup(Py_TYPE(type), key);
    return !answered || !Py_TYPE(answered)->tp_descr_set;
}

static int set_item(struct scope_restore *r, PyTypeObject *type, PyObject *key, PyObject *value)
{
    if (!PyUnicode_CheckExact(key))
        return PyDict_SetItem(type->tp_dict, key, value);
    if (PyDict_Contains(type->tp_dict, key) == 1 && PyDict_DelItem(type->tp_dict, key) < 0)
        return -1;
    if (is_special(type, key))
        return PyType_Type.tp_setattro((PyObject *)type, key, value);
    return PyDict_SetItem(type->tp_dict, key, value);
}

static int fill_namespace(struct scope_restore *r, PyTypeObject *type, struct scope_span namespace,
                          bool methods)
{
    struct scope_field field, fields[ITEM_VALUE + 1];
    PyObject *key, *value;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&namespace, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        if (methods && (scope_reader_pick(field.bytes, fields, ITEM_VALUE) < 0 ||
                        !scope_scan_is_method(r, fields[ITEM_VALUE].bytes)))
            continue;
        if (scope_build_item(r, field.bytes, 0, &key, &value) < 0)
            return -1;
        rc = set_item(r, type, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    PyType_Modified(type);
    return rc;
}

static int register_subclasses(PyObject *type, PyObject *subclasses)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(subclasses); i++) {
        PyObject *done = PyObject_CallFunctionObjArgs(scope_known.abc_register, type,
                                                      PyTuple_GET_ITEM(subclasses, i), NULL);

        Py_XDECREF(done);
        if (!done)
            return -1;
    }
    return 0;
}

/* Its functions first: what else is in it may be objects that need them. */
int scope_fill_class(struct scope_restore *r, PyObject *object, struct scope_span body, int stage)
{
    struct scope_field fields[CLASS_VIRTUAL_SUBCLASSES + 1];
    PyObject *subclasses;
    int rc;

    if (scope_reader_pick(body, fields, CLASS_VIRTUAL_SUBCLASSES) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: a class");
    if (fill_namespace(r, (PyTypeObject *)object, fields[CLASS_NAMESPACE].bytes, stage == 0) < 0)
        return -1;
    if (stage == 0)
        return 1;
    if (!is_abstract_kind(object))
        return 0;
    subclasses = scope_build_repeated(r, body, CLASS_VIRTUAL_SUBCLASSES, 0);
    rc = subclasses ? init_abstract(object) : -1;
    if (rc == 0)
        rc = register_subclasses(object, subclasses);
    Py_XDECREF(subclasses);
    return rc;
}
