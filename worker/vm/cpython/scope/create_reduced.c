/* What the reduce protocol makes. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"

/* --- made ------------------------------------------------------------------- */

/* copyreg.__newobj__(cls, *args), without the detour through Python. */
static PyObject *call_newobj(struct scope_restore *r, PyObject *args)
{
    PyObject *type = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL, *maker, *object;

    if (!type || !PyType_Check(type)) {
        scope_op_refuse(r->op, "its reduce makes an object of what is no class");
        return NULL;
    }
    maker = PyObject_GetAttr(type, scope_known.s_new);
    if (!maker)
        return NULL;
    object = PyObject_Call(maker, args, NULL);
    Py_DECREF(maker);
    return object;
}

static PyObject *call(struct scope_restore *r, PyObject *callable, PyObject *args)
{
    if (!PyTuple_Check(args)) {
        scope_op_refuse(r->op, "the snapshot is damaged: arguments that are no tuple");
        return NULL;
    }
    if (callable == scope_known.newobj)
        return call_newobj(r, args);
    return PyObject_CallObject(callable, args);
}

PyObject *scope_create_reduced(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[REDUCED_STATE_SETTER + 1];
    PyObject *callable, *args, *object = NULL;

    if (scope_reader_pick(body, fields, REDUCED_STATE_SETTER) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: a reduce");
        return NULL;
    }
    callable = scope_build_needed(r, &fields[REDUCED_CALLABLE], "a reduce has no callable");
    if (!callable)
        return NULL;
    args = scope_build_needed(r, &fields[REDUCED_ARGUMENTS], "a reduce has no arguments");
    if (args)
        object = call(r, callable, args);
    Py_XDECREF(args);
    Py_DECREF(callable);
    return object;
}

/* --- filled ----------------------------------------------------------------- */

static PyObject *list_items(struct scope_restore *r, struct scope_span body)
{
    PyObject *tuple = scope_build_repeated(r, body, REDUCED_LIST_ITEMS, 1), *list = NULL;

    if (tuple)
        list = PySequence_List(tuple);
    Py_XDECREF(tuple);
    return list;
}

static int append_all(PyObject *object, PyObject *items)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *done = PyObject_CallMethod(object, "append", "(O)", PyList_GET_ITEM(items, i));

        Py_XDECREF(done);
        if (!done)
            return -1;
    }
    return 0;
}

/* By `extend` where there is one, else one by one, as pickle does. */
static int fill_list(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    PyObject *items = list_items(r, body), *extend = NULL, *done;
    int rc = items ? _PyObject_LookupAttr(object, scope_known.s_extend, &extend) : -1;

    if (rc >= 0 && extend) {
        done = PyObject_CallOneArg(extend, items);
        rc = done ? 0 : -1;
        Py_XDECREF(done);
    } else if (rc >= 0) {
        rc = append_all(object, items);
    }
    Py_XDECREF(extend);
    Py_XDECREF(items);
    return rc;
}

static int fill_dict(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field field;
    PyObject *key, *value;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.field != REDUCED_DICT_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        if (scope_build_item(r, field.bytes, 1, &key, &value) < 0)
            return -1;
        rc = PyObject_SetItem(object, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    return rc;
}

static int update_dict(struct scope_restore *r, PyObject *object, PyObject *state)
{
    PyObject *dict, *key, *value;
    Py_ssize_t position = 0;
    int rc = 0;

    if (!PyDict_Check(state))
        return scope_op_refuse(r->op, "its state is no dict, and it has no __setstate__");
    dict = PyObject_GetAttr(object, scope_known.s_dict);
    while (dict && rc == 0 && PyDict_Next(state, &position, &key, &value)) {
        PyObject *name = Py_NewRef(key);

        if (PyUnicode_CheckExact(name))
            PyUnicode_InternInPlace(&name);
        rc = PyObject_SetItem(dict, name, value);
        Py_DECREF(name);
    }
    Py_XDECREF(dict);
    return dict ? rc : -1;
}

static int set_attributes(struct scope_restore *r, PyObject *object, PyObject *state)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;

    if (!PyDict_Check(state))
        return scope_op_refuse(r->op, "its slots' state is no dict");
    while (PyDict_Next(state, &position, &key, &value)) {
        if (!PyUnicode_Check(key))
            return scope_op_refuse(r->op, "its slots' state has a key that is no name");
        if (PyObject_GenericSetAttr(object, key, value) < 0)
            return -1;
    }
    return 0;
}

/* What pickle's BUILD does. */
static int set_state(struct scope_restore *r, PyObject *object, PyObject *state)
{
    PyObject *method, *done, *slots = NULL;

    if (_PyObject_LookupAttr(object, scope_known.s_setstate, &method) < 0)
        return -1;
    if (method) {
        done = PyObject_CallOneArg(method, state);
        Py_DECREF(method);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2) {
        slots = PyTuple_GET_ITEM(state, 1);
        state = PyTuple_GET_ITEM(state, 0);
    }
    if (state != Py_None && update_dict(r, object, state) < 0)
        return -1;
    return slots && slots != Py_None ? set_attributes(r, object, slots) : 0;
}

static int call_setter(PyObject *apply, PyObject *object, PyObject *state)
{
    PyObject *done = PyObject_CallFunctionObjArgs(apply, object, state, NULL);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* An exception's own __setstate__ would set each field by `setattr`, which a
 * class may have replaced. */
static bool is_plain_exception(PyObject *object, PyObject *state)
{
    return PyExceptionInstance_Check(object) && PyTuple_CheckExact(state) &&
           PyTuple_GET_SIZE(state) == 2 &&
           _PyType_Lookup(Py_TYPE(object), scope_known.s_setstate) ==
               scope_known.exception_setstate;
}

static int fill_exception(struct scope_restore *r, PyObject *object, PyObject *state)
{
    if (PyTuple_GET_ITEM(state, 0) != Py_None &&
        update_dict(r, object, PyTuple_GET_ITEM(state, 0)) < 0)
        return -1;
    return set_attributes(r, object, PyTuple_GET_ITEM(state, 1));
}

/* What the reduce knows nothing of, or others have as well. */
static int attach(struct scope_restore *r, PyObject *object, const struct scope_field *fields)
{
    PyObject *dict;
    int rc = 0;

    if (scope_build_field(r, &fields[REDUCED_DICT], &dict) < 0)
        return -1;
    if (dict && (PyType_Check(object) || !PyDict_Check(dict)))
        rc = scope_op_refuse(r->op, "the snapshot is damaged: attributes that are no dict");
    else if (dict)
        rc = PyObject_GenericSetDict(object, dict, NULL);
    Py_XDECREF(dict);
    return rc < 0 ? -1 : scope_fill_slots(r, object, fields[REDUCED_SLOTS].bytes);
}

int scope_fill_reduced(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field fields[REDUCED_SLOTS + 1];
    PyObject *state, *apply;
    int rc;

    if (scope_reader_pick(body, fields, REDUCED_SLOTS) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: a reduce");
    if ((fields[REDUCED_LIST_ITEMS].field && fill_list(r, object, body) < 0) ||
        (fields[REDUCED_DICT_ITEMS].field && fill_dict(r, object, body) < 0) ||
        scope_build_field(r, &fields[REDUCED_STATE], &state) < 0)
        return -1;
    rc = scope_build_field(r, &fields[REDUCED_STATE_SETTER], &apply);
    if (rc == 0 && state) {
        if (apply)
            rc = call_setter(apply, object, state);
        else if (is_plain_exception(object, state))
            rc = fill_exception(r, object, state);
        else
            rc = set_state(r, object, state);
    }
    Py_XDECREF(state);
    Py_XDECREF(apply);
    return rc < 0 ? -1 : attach(r, object, fields);
}
