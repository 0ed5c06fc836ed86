#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/scalar.h"

static PyObject *create_buffer(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[BUFFER_WRITABLE + 1];

    if (scope_reader_pick(body, fields, BUFFER_WRITABLE) < 0 ||
        (fields[BUFFER_DATA].field && fields[BUFFER_DATA].wire != WIRE_LENGTH)) {
        scope_op_refuse(r->op, "the snapshot is damaged: a buffer");
        return NULL;
    }
    return fields[BUFFER_WRITABLE].number ? scope_scalar_bytearray(fields[BUFFER_DATA].bytes)
                                          : scope_scalar_bytes(fields[BUFFER_DATA].bytes);
}

/* A container that may be part of a loop starts empty. */
static PyObject *create_value(struct scope_restore *r, struct scope_slot *slot)
{
    struct scope_span body = slot->body;
    struct scope_field field;
    PyObject *object;

    if (scope_reader_next(&body, &field) > 0 && body.at == body.end) {
        switch (field.field) {
        case VALUE_LIST:
            return PyList_New(0);
        case VALUE_DICT:
            return PyDict_New();
        case VALUE_SET:
            return PySet_New(NULL);
        default:
            break;
        }
    }
    r->height = 0;
    object = scope_build_value(r, slot->body, 0);
    if (object && PyTuple_CheckExact(object))
        slot->height = r->height + 1;
    return object;
}

static bool is_code(unsigned kind)
{
    return kind == OBJECT_FUNCTION || kind == OBJECT_CLASS || kind == OBJECT_CODE;
}

static PyObject *wrong_python(struct scope_restore *r)
{
    scope_op_refuse(r->op, "code made by Python %s, which this worker's Python %d.%d can't run",
                    r->python[0] ? r->python : "of an unnamed version", PY_MAJOR_VERSION,
                    PY_MINOR_VERSION);
    return NULL;
}

PyObject *scope_create(struct scope_restore *r, uint32_t index)
{
    struct scope_slot *slot = &r->slots[index];

    if (scope_op_count(r->op) < 0)
        return NULL;
    if (is_code(slot->kind) && !r->same_python)
        return wrong_python(r);
    switch (slot->kind) {
    case OBJECT_VALUE:
        return create_value(r, slot);
    case OBJECT_FUNCTION:
        return scope_create_function(r, slot->body);
    case OBJECT_CLASS:
        return scope_create_class(r, slot->body);
    case OBJECT_MODULE:
        return scope_create_module(r, slot->body);
    case OBJECT_PACKAGE:
        return scope_create_package(r, index);
    case OBJECT_GLOBAL:
        return scope_create_global(r, slot->body);
    case OBJECT_REDUCED:
        return scope_create_reduced(r, slot->body);
    case OBJECT_CELL:
        return PyCell_New(NULL);
    case OBJECT_SCOPE_GLOBALS:
        return Py_NewRef(r->globals);
    case OBJECT_INSTANCE:
        return scope_create_instance(r, slot->body);
    case OBJECT_SHARER:
        return scope_create_sharer(r, slot->body);
    case OBJECT_CODE:
        return scope_create_code(r, slot->body);
    case OBJECT_BUFFER:
        return create_buffer(r, slot->body);
    default:
        scope_op_refuse(r->op, "the snapshot has an object of a kind that this worker "
                               "does not know");
        return NULL;
    }
}

PyObject *scope_create_ref(struct scope_restore *r, struct scope_span value)
{
    struct scope_field field;
    struct scope_slot *slot;

    if (scope_reader_next(&value, &field) <= 0 || field.field != VALUE_REF ||
        field.wire != WIRE_VARINT || field.number >= r->slot_count) {
        scope_op_refuse(r->op, "the snapshot is damaged: a reference to an object is wanted");
        return NULL;
    }
    slot = &r->slots[field.number];
    if (slot->state == SLOT_NEW && (slot->kind == OBJECT_CELL || slot->kind == OBJECT_VALUE ||
                                    slot->kind == OBJECT_SCOPE_GLOBALS)) {
        struct scope_span body = slot->body;
        struct scope_field inner;

        /* Only what comes empty. */
        if (slot->kind == OBJECT_VALUE &&
            (scope_reader_next(&body, &inner) <= 0 || inner.field != VALUE_DICT))
            return scope_build_ref(r, field.number);
        slot->object = scope_create(r, (uint32_t)field.number);
        if (!slot->object)
            return NULL;
        slot->begun = ++r->begun;
        slot->log_mark = r->log_count;
        slot->state = SLOT_CREATED;
        slot->owner = r->slots[r->current].owner;
        r->manifest.entries[slot->owner].bytes += slot->size;
    }
    return scope_build_ref(r, field.number);
}

/* --- filling ---------------------------------------------------------------- */

static int fill_value(struct scope_restore *r, const struct scope_slot *slot)
{
    PyObject *object = slot->object;
    struct scope_span body = slot->body;
    struct scope_field field;

    if (scope_reader_next(&body, &field) <= 0 || body.at != body.end)
        return 0;
    if (field.field == VALUE_LIST && PyList_CheckExact(object))
        return scope_build_into_list(r, object, field.bytes, 1);
    if (field.field == VALUE_DICT && PyDict_CheckExact(object))
        return scope_fill_dict(r, slot, object, field.bytes);
    if (field.field == VALUE_SET && PySet_CheckExact(object))
        return scope_build_into_set(r, object, field.bytes, 1);
    return 0;
}

static int fill_cell(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field fields[CELL_VALUE + 1];
    PyObject *value;

    if (scope_reader_pick(body, fields, CELL_VALUE) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: a cell");
    if (scope_build_field(r, &fields[CELL_VALUE], &value) < 0)
        return -1;
    if (value)
        PyCell_Set(object, value);
    Py_XDECREF(value);
    return 0;
}

int scope_fill(struct scope_restore *r, uint32_t index, int stage)
{
    struct scope_slot *slot = &r->slots[index];

    switch (slot->kind) {
    case OBJECT_VALUE:
        return fill_value(r, slot);
    case OBJECT_FUNCTION:
        return scope_fill_function(r, slot->object, slot->body);
    case OBJECT_CLASS:
        return scope_fill_class(r, slot->object, slot->body, stage);
    case OBJECT_REDUCED:
        return scope_fill_reduced(r, slot->object, slot->body);
    case OBJECT_CELL:
        return fill_cell(r, slot->object, slot->body);
    case OBJECT_INSTANCE:
        return scope_fill_instance(r, slot);
    case OBJECT_SHARER:
        return scope_fill_sharer(r, slot->object, slot->body);
    default:
        return 0;
    }
}
