#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/scan.h"

#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/scan_parts.h"

int scope_scan_want(struct scope_restore *r, uint64_t index, enum scope_goal goal)
{
    if (index >= r->slot_count)
        return 0;
    if (r->slots[index].state != SLOT_NEW &&
        !(r->slots[index].state == SLOT_CREATED && goal == GOAL_COMPLETE))
        return 0;
    if (r->task_count == r->task_room) {
        size_t room = r->task_room * 2 + 64;
        struct scope_task *grown = realloc(r->tasks, room * sizeof(*grown));

        if (!grown)
            return scope_op_abort(r->op, SCOPE_NO_MEMORY);
        r->tasks = grown;
        r->task_room = room;
    }
    r->tasks[r->task_count++] = (struct scope_task){.slot = (uint32_t)index, .goal = goal};
    return 0;
}

static int scan_items(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                      int depth)
{
    struct scope_field field;

    while (scope_reader_next(&body, &field) > 0)
        if (field.wire == WIRE_LENGTH && field.field == SEQUENCE_ITEMS &&
            scope_scan_value(r, field.bytes, goal, depth) < 0)
            return -1;
    return 0;
}

int scope_scan_item(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                    int depth)
{
    struct scope_field field;

    while (scope_reader_next(&body, &field) > 0)
        if (field.wire == WIRE_LENGTH && field.field <= ITEM_VALUE &&
            scope_scan_value(r, field.bytes, field.field == ITEM_KEY ? GOAL_COMPLETE : goal,
                             depth) < 0)
            return -1;
    return 0;
}

static int scan_mapping(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                        int depth)
{
    struct scope_field field;

    while (scope_reader_next(&body, &field) > 0)
        if (field.wire == WIRE_LENGTH && field.field == MAPPING_ITEMS &&
            scope_scan_item(r, field.bytes, goal, depth) < 0)
            return -1;
    return 0;
}

static int scan_container(struct scope_restore *r, const struct scope_field *field,
                          enum scope_goal goal, int depth)
{
    switch (field->field) {
    case VALUE_LIST:
    case VALUE_TUPLE:
        return scan_items(r, field->bytes, goal, depth + 1);
    case VALUE_SET:
    case VALUE_FROZENSET:
        return scan_items(r, field->bytes, GOAL_COMPLETE, depth + 1);
    case VALUE_DICT:
        return scan_mapping(r, field->bytes, goal, depth + 1);
    default:
        return 0;
    }
}

int scope_scan_value(struct scope_restore *r, struct scope_span body, enum scope_goal goal,
                     int depth)
{
    struct scope_field field;

    if (depth > SCOPE_DEPTH_READ + 1)
        return 0;
    while (scope_reader_next(&body, &field) > 0) {
        int rc = 0;

        if (field.wire == WIRE_LENGTH)
            rc = scan_container(r, &field, goal, depth);
        else if (field.wire == WIRE_VARINT && field.field == VALUE_REF)
            rc = scope_scan_want(r, field.number, goal);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* --- by kind ---------------------------------------------------------------- */

int64_t scope_scan_reference(struct scope_span value)
{
    struct scope_field field;

    if (scope_reader_next(&value, &field) > 0 && field.field == VALUE_REF &&
        field.wire == WIRE_VARINT && field.number < UINT32_MAX)
        return (int64_t)field.number;
    return -1;
}

static bool are_scalars(struct scope_span items, int depth)
{
    struct scope_field field;
    int rc;

    while ((rc = scope_reader_next(&items, &field)) > 0)
        if (field.field == SEQUENCE_ITEMS && !scope_scan_is_scalar(field.bytes, depth))
            return false;
    return rc == 0;
}

bool scope_scan_is_scalar(struct scope_span value, int depth)
{
    struct scope_field field;

    if (scope_reader_next(&value, &field) <= 0 || value.at != value.end)
        return false;
    if (field.field == VALUE_TUPLE || field.field == VALUE_FROZENSET)
        return depth < SCOPE_DEPTH_READ && are_scalars(field.bytes, depth + 1);
    return field.field < VALUE_LIST;
}

bool scope_scan_is(struct scope_span text, const char *wanted)
{
    return scope_span_len(text) == strlen(wanted) && memcmp(text.at, wanted, strlen(wanted)) == 0;
}

/* Types that only hold on to what they are given: they can be made while that
 * is unfinished, so a method of an object may be an attribute of it. */
static bool is_holder(struct scope_restore *r, struct scope_span callable)
{
    static const char *const holders[][2] = {
        {"types", "MethodType"},      {"types", "MappingProxyType"}, {"builtins", "property"},
        {"builtins", "staticmethod"}, {"builtins", "classmethod"},   {"builtins", "mappingproxy"},
    };
    int64_t index = scope_scan_reference(callable);
    struct scope_field fields[GLOBAL_QUALIFIED_NAME + 1];

    if (index < 0 || index >= r->slot_count || r->slots[index].kind != OBJECT_GLOBAL ||
        scope_reader_pick(r->slots[index].body, fields, GLOBAL_QUALIFIED_NAME) < 0)
        return false;
    for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
        if (scope_scan_is(fields[GLOBAL_MODULE].bytes, holders[i][0]) &&
            scope_scan_is(fields[GLOBAL_QUALIFIED_NAME].bytes, holders[i][1]))
            return true;
    return false;
}

bool scope_scan_is_method(struct scope_restore *r, struct scope_span value)
{
    int64_t index = scope_scan_reference(value);
    struct scope_field fields[REDUCED_CALLABLE + 1];

    if (index < 0 || index >= r->slot_count)
        return false;
    if (r->slots[index].kind != OBJECT_REDUCED)
        return r->slots[index].kind == OBJECT_FUNCTION;
    return scope_reader_pick(r->slots[index].body, fields, REDUCED_CALLABLE) == 0 &&
           is_holder(r, fields[REDUCED_CALLABLE].bytes);
}

static int scan_reduced_creation(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[REDUCED_ARGUMENTS + 1];
    enum scope_goal goal;

    if (scope_reader_pick(body, fields, REDUCED_ARGUMENTS) < 0)
        return 0;
    goal = is_holder(r, fields[REDUCED_CALLABLE].bytes) ? GOAL_CREATED : GOAL_COMPLETE;
    if (scope_scan_value(r, fields[REDUCED_CALLABLE].bytes, GOAL_COMPLETE, 0) < 0)
        return -1;
    return scope_scan_value(r, fields[REDUCED_ARGUMENTS].bytes, goal, 0);
}

/* All Values of a message from field `first` on, and those of Items and
 * Mappings where `items` has their bit. */
static int scan_fields(struct scope_restore *r, struct scope_span body, unsigned first,
                       unsigned last, unsigned items, unsigned mappings)
{
    struct scope_field field;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0) {
        if (field.wire != WIRE_LENGTH || field.field < first || field.field > last)
            continue;
        if (items & 1u << field.field)
            rc = scope_scan_item(r, field.bytes, GOAL_COMPLETE, 0);
        else if (mappings & 1u << field.field)
            rc = scan_mapping(r, field.bytes, GOAL_COMPLETE, 0);
        else
            rc = scope_scan_value(r, field.bytes, GOAL_COMPLETE, 0);
    }
    return rc;
}

/* Values that must only exist. */
static int scan_created(struct scope_restore *r, struct scope_span body, unsigned first,
                        unsigned last)
{
    struct scope_field field;
    int rc = 0;

    while (rc == 0 && scope_reader_next(&body, &field) > 0)
        if (field.wire == WIRE_LENGTH && field.field >= first && field.field <= last)
            rc = scope_scan_value(r, field.bytes, GOAL_CREATED, 0);
    return rc;
}

static bool is_mutable(struct scope_span value)
{
    struct scope_field field;
    bool container = false;

    while (scope_reader_next(&value, &field) > 0)
        container = field.field == VALUE_LIST || field.field == VALUE_DICT ||
                    field.field == VALUE_SET;
    return container;
}

/* Once for each: thousands may refer to a long one. */
static bool is_shared_scalar(struct scope_slot *slot)
{
    if (slot->kind != OBJECT_VALUE || (slot->state != SLOT_NEW && slot->state != SLOT_CREATED))
        return false;
    if (slot->scalar == NOT_JUDGED)
        slot->scalar = scope_scan_is_scalar(slot->body, 0) ? IS_SCALAR : NO_SCALAR;
    return slot->scalar == IS_SCALAR;
}

/* What others have as well, and needs no more: first, for an instance may be
 * hashed by it before the rest is there. */
static int scan_scalars(struct scope_restore *r, struct scope_span attributes)
{
    struct scope_field field, fields[ITEM_VALUE + 1];
    int rc = 0;

    while (rc == 0 && scope_reader_next(&attributes, &field) > 0) {
        int64_t index = -1;

        if (field.wire == WIRE_LENGTH && field.field == MAPPING_ITEMS &&
            scope_reader_pick(field.bytes, fields, ITEM_VALUE) == 0)
            index = scope_scan_reference(fields[ITEM_VALUE].bytes);
        if (index >= 0 && index < r->slot_count && is_shared_scalar(&r->slots[index]))
            rc = scope_scan_want(r, (uint64_t)index, GOAL_COMPLETE);
    }
    return rc;
}

static int scan_instance_fill(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];

    if (scope_reader_pick(body, fields, INSTANCE_SLOTS) < 0)
        return 0;
    if (scan_scalars(r, fields[INSTANCE_ATTRIBUTES].bytes) < 0 ||
        scan_scalars(r, fields[INSTANCE_SLOTS].bytes) < 0)
        return -1;
    return scan_fields(r, body, INSTANCE_TYPE, INSTANCE_SLOTS, 0,
                       1u << INSTANCE_ATTRIBUTES | 1u << INSTANCE_SLOTS);
}

/* Tasks are done from the top. */
static int in_order(struct scope_restore *r, size_t from, int rc)
{
    for (size_t i = from, j = r->task_count; i + 1 < j; i++) {
        struct scope_task task = r->tasks[i];

        r->tasks[i] = r->tasks[--j];
        r->tasks[j] = task;
    }
    return rc;
}

int scope_scan_binding(struct scope_restore *r, struct scope_span value)
{
    size_t from = r->task_count;

    return in_order(r, from, r->slot_count ? scope_scan_value(r, value, GOAL_COMPLETE, 0) : 0);
}

int scope_scan_creation(struct scope_restore *r, uint32_t slot)
{
    struct scope_span body = r->slots[slot].body;
    size_t from = r->task_count;
    int rc = 0;

    switch (r->slots[slot].kind) {
    case OBJECT_VALUE:
        if (!is_mutable(body))
            rc = scope_scan_value(r, body, GOAL_CREATED, 0);
        break;
    case OBJECT_FUNCTION:
        rc = scan_created(r, body, FUNCTION_GLOBALS, FUNCTION_SHARED_CODE);
        break;
    case OBJECT_CLASS:
        rc = scope_scan_class_creation(r, body);
        break;
    case OBJECT_REDUCED:
        rc = scan_reduced_creation(r, body);
        break;
    case OBJECT_INSTANCE:
        rc = scan_created(r, body, INSTANCE_TYPE, INSTANCE_TYPE);
        break;
    case OBJECT_SHARER:
        rc = scan_created(r, body, SHARER_TYPE, SHARER_DICT);
        break;
    default:
        break;
    }
    return in_order(r, from, rc);
}

int scope_scan_fill(struct scope_restore *r, uint32_t slot, int stage)
{
    struct scope_span body = r->slots[slot].body;
    size_t from = r->task_count;
    int rc = 0;

    switch (r->slots[slot].kind) {
    case OBJECT_VALUE:
        rc = scope_scan_value(r, body, GOAL_COMPLETE, 0);
        break;
    case OBJECT_FUNCTION:
        rc = scan_fields(r, body, FUNCTION_DEFAULTS, FUNCTION_SHARED_CODE, 0, 0);
        break;
    case OBJECT_CLASS:
        rc = scope_scan_class_fill(r, body, stage == 0);
        break;
    case OBJECT_REDUCED:
        rc = scan_fields(r, body, REDUCED_ARGUMENTS, REDUCED_SLOTS, 1u << REDUCED_DICT_ITEMS,
                         1u << REDUCED_SLOTS);
        break;
    case OBJECT_CELL:
        rc = scan_fields(r, body, CELL_VALUE, CELL_VALUE, 0, 0);
        break;
    case OBJECT_INSTANCE:
        rc = scan_instance_fill(r, body);
        break;
    case OBJECT_SHARER:
        rc = scan_fields(r, body, SHARER_TYPE, SHARER_SLOTS, 0, 1u << SHARER_SLOTS);
        break;
    default:
        break;
    }
    return in_order(r, from, rc);
}
