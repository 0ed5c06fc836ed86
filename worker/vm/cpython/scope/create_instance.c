/* Instances of classes that leave pickling to `object`. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/types.h"

PyObject *scope_create_instance(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];
    PyObject *type, *empty, *object = NULL;

    if (scope_reader_pick(body, fields, INSTANCE_SLOTS) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: an instance");
        return NULL;
    }
    type = scope_build_needed(r, &fields[INSTANCE_TYPE], "an instance has no class");
    if (!type)
        return NULL;
    empty = PyTuple_New(0);
    if (!PyType_Check(type) || scope_types_static_base((PyTypeObject *)type) != &PyBaseObject_Type)
        scope_op_refuse(r->op, "the class of an instance is one that makes its own");
    else if (empty)
        object = PyBaseObject_Type.tp_new((PyTypeObject *)type, empty, NULL);
    Py_XDECREF(empty);
    Py_DECREF(type);
    return object;
}

/* --- early ------------------------------------------------------------------ */

/* Whether a value stands for itself: no container, no reference. */
static bool is_scalar(struct scope_span value)
{
    struct scope_field field;

    return scope_reader_next(&value, &field) > 0 && value.at == value.end &&
           field.field < VALUE_LIST;
}

/* Of attributes, or of slots. */
static int fill_scalars(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field field, item[ITEM_VALUE + 1];
    PyObject *name, *value;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH ||
            scope_reader_pick(field.bytes, item, ITEM_VALUE) < 0 ||
            !is_scalar(item[ITEM_KEY].bytes) || !is_scalar(item[ITEM_VALUE].bytes))
            continue;
        if (scope_build_item(r, field.bytes, 1, &name, &value) < 0)
            return -1;
        if (PyUnicode_Check(name))
            rc = PyObject_GenericSetAttr(object, name, value);
        Py_DECREF(name);
        Py_DECREF(value);
    }
    return rc;
}

int scope_fill_early(struct scope_restore *r, struct scope_slot *slot)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];

    if (slot->early || scope_reader_pick(slot->body, fields, INSTANCE_SLOTS) < 0)
        return 0;
    slot->early = true;
    if (fill_scalars(r, slot->object, fields[INSTANCE_ATTRIBUTES].bytes) < 0)
        return -1;
    return fill_scalars(r, slot->object, fields[INSTANCE_SLOTS].bytes);
}

/* --- filled ----------------------------------------------------------------- */

/* Past any `__setattr__`, which may forbid it or do more. */
static int fill_slots(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field field;
    PyObject *name, *value;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        if (scope_build_item(r, field.bytes, 1, &name, &value) < 0)
            return -1;
        rc = PyUnicode_Check(name) ? PyObject_GenericSetAttr(object, name, value)
                                   : scope_op_refuse(r->op, "a slot without a name");
        Py_DECREF(name);
        Py_DECREF(value);
    }
    return rc;
}

/* What came early is in the wrong place, and the order counts. */
static int refill(struct scope_restore *r, PyObject *dict, struct scope_span attributes)
{
    PyObject *all = PyDict_New();
    int rc = all ? scope_build_into_dict(r, all, attributes, 1) : -1;

    if (rc == 0) {
        PyDict_Clear(dict);
        rc = PyDict_Update(dict, all);
    }
    Py_XDECREF(all);
    return rc;
}

static int fill_attributes(struct scope_restore *r, const struct scope_slot *slot,
                           struct scope_span attributes)
{
    PyObject *dict = PyObject_GenericGetDict(slot->object, NULL);
    int rc = dict ? 0 : -1;

    if (dict && !slot->early)
        rc = scope_build_into_dict(r, dict, attributes, 1);
    /* This may have come about meanwhile. */
    if (rc == 0 && slot->early)
        rc = refill(r, dict, attributes);
    Py_XDECREF(dict);
    return rc;
}

int scope_fill_instance(struct scope_restore *r, struct scope_slot *slot)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];
    struct scope_span attributes;

    if (scope_reader_pick(slot->body, fields, INSTANCE_SLOTS) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: an instance");
    attributes = fields[INSTANCE_ATTRIBUTES].bytes;
    if (attributes.at != attributes.end && fill_attributes(r, slot, attributes) < 0)
        return -1;
    return fill_slots(r, slot->object, fields[INSTANCE_SLOTS].bytes);
}
