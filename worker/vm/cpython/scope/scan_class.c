/* What classes need, and what needs its class. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/scan.h"
#include "worker/vm/cpython/scope/scan_parts.h"

static int scan_slots_item(struct scope_restore *r, struct scope_span body)
{
    struct scope_field field, fields[ITEM_VALUE + 1], key;

    while (scope_reader_next(&body, &field) > 0) {
        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH ||
            scope_reader_pick(field.bytes, fields, ITEM_VALUE) < 0)
            continue;
        if (scope_reader_next(&fields[ITEM_KEY].bytes, &key) > 0 && key.wire == WIRE_LENGTH &&
            scope_scan_is(key.bytes, "__slots__"))
            return scope_scan_value(r, fields[ITEM_VALUE].bytes, GOAL_COMPLETE, 0);
    }
    return 0;
}

int scope_scan_class_creation(struct scope_restore *r, struct scope_span body)
{
    struct scope_field field;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.wire != WIRE_LENGTH)
            continue;
        if (field.field == CLASS_METACLASS || field.field == CLASS_BASES)
            rc = scope_scan_value(r, field.bytes, GOAL_CREATED, 0);
        else if (field.field == CLASS_NAMESPACE)
            rc = scan_slots_item(r, field.bytes);
    }
    return rc;
}

static int scan_namespace(struct scope_restore *r, struct scope_span body, bool methods)
{
    struct scope_field field, fields[ITEM_VALUE + 1];

    while (scope_reader_next(&body, &field) > 0)
        if (field.field == MAPPING_ITEMS && field.wire == WIRE_LENGTH &&
            scope_reader_pick(field.bytes, fields, ITEM_VALUE) == 0 &&
            scope_scan_is_method(r, fields[ITEM_VALUE].bytes) == methods &&
            scope_scan_item(r, field.bytes, GOAL_COMPLETE, 0) < 0)
            return -1;
    return 0;
}

int scope_scan_class_fill(struct scope_restore *r, struct scope_span body, bool methods)
{
    struct scope_field field;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.wire != WIRE_LENGTH)
            continue;
        if (field.field == CLASS_NAMESPACE)
            rc = scan_namespace(r, field.bytes, methods);
        else if (field.field >= CLASS_METACLASS && !(methods && field.field > CLASS_BASES))
            rc = scope_scan_value(r, field.bytes, GOAL_COMPLETE, 0);
    }
    return rc;
}

static int want_class(struct scope_restore *r, struct scope_span value)
{
    int64_t index = scope_scan_reference(value);

    if (index < 0 || index >= r->slot_count || r->slots[index].kind != OBJECT_CLASS ||
        r->slots[index].state != SLOT_NEW)
        return 0;
    return scope_scan_want(r, (uint64_t)index, GOAL_COMPLETE);
}

/* The first of the arguments of a reduce. */
static int want_first(struct scope_restore *r, struct scope_span arguments)
{
    struct scope_field tuple, item;

    if (scope_reader_next(&arguments, &tuple) <= 0 || tuple.field != VALUE_TUPLE ||
        tuple.wire != WIRE_LENGTH || scope_reader_next(&tuple.bytes, &item) <= 0 ||
        item.wire != WIRE_LENGTH)
        return 0;
    return want_class(r, item.bytes);
}

int scope_scan_class(struct scope_restore *r, uint32_t slot)
{
    struct scope_span body = r->slots[slot].body;
    struct scope_field fields[REDUCED_ARGUMENTS + 1];
    size_t before = r->task_count;

    if (r->slots[slot].kind != OBJECT_INSTANCE && r->slots[slot].kind != OBJECT_SHARER &&
        r->slots[slot].kind != OBJECT_REDUCED)
        return 0;
    if (scope_reader_pick(body, fields, REDUCED_ARGUMENTS) < 0)
        return 0;
    if (r->slots[slot].kind != OBJECT_REDUCED) {
        if (want_class(r, fields[INSTANCE_TYPE].bytes) < 0)
            return -1;
    } else if (want_class(r, fields[REDUCED_CALLABLE].bytes) < 0 ||
               want_first(r, fields[REDUCED_ARGUMENTS].bytes) < 0) {
        return -1;
    }
    return r->task_count > before;
}
