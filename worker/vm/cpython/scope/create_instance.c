/* Instances of classes that leave pickling to `object`. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/scan_parts.h"
#include "worker/vm/cpython/scope/types.h"

/* `other`: what the type may be made of beside `object`, or NULL. */
static PyObject *make(struct scope_restore *r, const struct scope_field *field, PyTypeObject *other)
{
    PyObject *type = scope_build_needed(r, field, "an instance has no class"), *object = NULL;
    PyObject *empty = type ? PyTuple_New(0) : NULL;
    PyTypeObject *base = NULL;

    if (type && PyType_Check(type))
        base = scope_types_static_base((PyTypeObject *)type);
    if (type && base != &PyBaseObject_Type && (!base || base != other))
        scope_op_refuse(r->op, "the class of an instance is one that makes its own");
    else if (empty)
        object = base->tp_new((PyTypeObject *)type, empty, NULL);
    Py_XDECREF(empty);
    Py_XDECREF(type);
    return object;
}

PyObject *scope_create_instance(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];

    if (scope_reader_pick(body, fields, INSTANCE_SLOTS) == 0)
        return make(r, &fields[INSTANCE_TYPE], NULL);
    scope_op_refuse(r->op, "the snapshot is damaged: an instance");
    return NULL;
}

PyObject *scope_create_sharer(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[SHARER_SLOTS + 1];
    PyObject *object, *dict;

    if (scope_reader_pick(body, fields, SHARER_SLOTS) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: an instance");
        return NULL;
    }
    object = make(r, &fields[SHARER_TYPE], &PyModule_Type);
    if (!object)
        return NULL;
    dict = scope_create_ref(r, fields[SHARER_DICT].bytes);
    if (!dict || PyObject_GenericSetDict(object, dict, NULL) < 0)
        Py_CLEAR(object);
    return object;
}

/* --- early ------------------------------------------------------------------ */

/* Whether a value needs nothing that is not there. */
static bool is_ready(const struct scope_restore *r, struct scope_span value)
{
    int64_t index = scope_scan_reference(value);
    uint32_t low;

    if (index < 0)
        return scope_scan_is_scalar(value, 0);
    if (index >= r->slot_count || r->slots[index].state != SLOT_COMPLETE)
        return false;
    low = r->slots[index].low;
    return low == SCOPE_NO_SLOT || r->slots[low].state == SLOT_COMPLETE;
}

/* Attributes, into `dict`; or slots: NULL. */
static int fill_ready(struct scope_restore *r, PyObject *object, PyObject *dict,
                      struct scope_span body)
{
    struct scope_field field, item[ITEM_VALUE + 1];
    PyObject *name, *value;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH ||
            scope_reader_pick(field.bytes, item, ITEM_VALUE) < 0 ||
            !scope_scan_is_scalar(item[ITEM_KEY].bytes, 0) || !is_ready(r, item[ITEM_VALUE].bytes))
            continue;
        if (scope_build_item(r, field.bytes, 1, &name, &value) < 0)
            return -1;
        if (dict)
            rc = PyDict_SetItem(dict, name, value);
        else if (PyUnicode_Check(name))
            rc = PyObject_GenericSetAttr(object, name, value);
        Py_DECREF(name);
        Py_DECREF(value);
    }
    return rc;
}

static int fill_ready_attributes(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    PyObject *dict;
    int rc;

    if (body.at == body.end)
        return 0;
    dict = PyObject_GenericGetDict(object, NULL);
    rc = dict ? fill_ready(r, object, dict, body) : -1;
    Py_XDECREF(dict);
    return rc;
}

/* What is in the table in the place of attributes. */
static struct scope_span early_dict(struct scope_restore *r, struct scope_span reference)
{
    int64_t index = scope_scan_reference(reference);
    struct scope_slot *slot = index >= 0 && index < r->slot_count ? &r->slots[index] : NULL;
    struct scope_field field;
    struct scope_span body;

    if (!slot || slot->kind != OBJECT_VALUE || slot->state >= SLOT_COMPLETE || slot->early)
        return (struct scope_span){0};
    body = slot->body;
    if (scope_reader_next(&body, &field) <= 0 || field.field != VALUE_DICT)
        return (struct scope_span){0};
    slot->early = true;
    return field.bytes;
}

int scope_fill_early(struct scope_restore *r, struct scope_slot *slot)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];
    struct scope_span attributes;

    /* A sharer may be complete before its dict. */
    if (!(slot->kind == OBJECT_INSTANCE && slot->state < SLOT_COMPLETE) &&
        slot->kind != OBJECT_SHARER)
        return 0;
    if (slot->early || scope_reader_pick(slot->body, fields, INSTANCE_SLOTS) < 0)
        return 0;
    slot->early = true;
    attributes = fields[INSTANCE_ATTRIBUTES].bytes;
    if (slot->kind == OBJECT_SHARER)
        attributes = early_dict(r, fields[SHARER_DICT].bytes);
    if (fill_ready_attributes(r, slot->object, attributes) < 0)
        return -1;
    if (slot->state == SLOT_COMPLETE)
        return 0;
    return fill_ready(r, slot->object, NULL, fields[INSTANCE_SLOTS].bytes);
}

/* --- filled ----------------------------------------------------------------- */

/* Past any `__setattr__`, which may forbid it or do more. */
int scope_fill_slots(struct scope_restore *r, PyObject *object, struct scope_span body)
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

int scope_fill_dict(struct scope_restore *r, const struct scope_slot *slot, PyObject *dict,
                    struct scope_span items)
{
    int rc = 0;

    if (!slot->early)
        rc = scope_build_into_dict(r, dict, items, 1);
    /* This may have come about meanwhile. */
    return rc == 0 && slot->early ? refill(r, dict, items) : rc;
}

static int fill_attributes(struct scope_restore *r, const struct scope_slot *slot,
                           struct scope_span attributes)
{
    PyObject *dict = PyObject_GenericGetDict(slot->object, NULL);
    int rc = dict ? scope_fill_dict(r, slot, dict, attributes) : -1;

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
    return scope_fill_slots(r, slot->object, fields[INSTANCE_SLOTS].bytes);
}

int scope_fill_sharer(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field fields[SHARER_SLOTS + 1];

    if (scope_reader_pick(body, fields, SHARER_SLOTS) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: an instance");
    /* It may have failed meanwhile. */
    if (!scope_create_ref(r, fields[SHARER_DICT].bytes))
        return -1;
    return scope_fill_slots(r, object, fields[SHARER_SLOTS].bytes);
}
