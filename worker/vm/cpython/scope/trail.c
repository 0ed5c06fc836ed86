#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/trail.h"

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/path.h"

/* Each find_...() returns the steps from a message to a reference to `target`,
 * a new str, or NULL where there is none in it. */

static PyObject *find_value(struct scope_span body, uint32_t target, int depth);

static PyObject *joined(PyObject *step, PyObject *rest)
{
    scope_path_add(&step, rest);
    return step;
}

static PyObject *find_in_items(struct scope_span body, unsigned wanted, uint32_t target,
                               bool ordered, int depth)
{
    struct scope_field field;
    Py_ssize_t at = 0;

    while (scope_reader_next(&body, &field) > 0) {
        PyObject *rest;

        if (field.field != wanted || field.wire != WIRE_LENGTH)
            continue;
        rest = find_value(field.bytes, target, depth);
        if (rest)
            return joined(ordered ? PyUnicode_FromFormat("[%zd]", at)
                                  : PyUnicode_FromString(".<item>"),
                          rest);
        at++;
    }
    return NULL;
}

/* A key as it is written in a path. */
static PyObject *key_step(struct scope_span key, bool attribute)
{
    struct scope_field field;
    PyObject *object = NULL, *step = NULL;

    if (scope_reader_next(&key, &field) > 0) {
        if (field.field == VALUE_TEXT && field.wire == WIRE_LENGTH)
            object = PyUnicode_DecodeUTF8((const char *)field.bytes.at,
                                          (Py_ssize_t)scope_span_len(field.bytes), "replace");
        else if (field.field == VALUE_INTEGER && field.wire == WIRE_VARINT)
            object = PyLong_FromLongLong(scope_reader_zigzag(field.number));
    }
    if (object)
        step = attribute ? scope_path_attribute(object) : scope_path_key(object);
    Py_XDECREF(object);
    PyErr_Clear();
    return step ? step : PyUnicode_FromString("[...]");
}

static PyObject *find_in_item(struct scope_span body, uint32_t target, bool attribute, int depth)
{
    struct scope_field fields[ITEM_VALUE + 1];
    PyObject *rest;

    if (scope_reader_pick(body, fields, ITEM_VALUE) < 0)
        return NULL;
    rest = find_value(fields[ITEM_KEY].bytes, target, depth);
    if (rest)
        return joined(PyUnicode_FromString(".<key>"), rest);
    rest = find_value(fields[ITEM_VALUE].bytes, target, depth);
    return rest ? joined(key_step(fields[ITEM_KEY].bytes, attribute), rest) : NULL;
}

static PyObject *find_in_mapping(struct scope_span body, unsigned wanted, uint32_t target,
                                 bool attribute, int depth)
{
    struct scope_field field;
    PyObject *found = NULL;

    while (!found && scope_reader_next(&body, &field) > 0)
        if (field.field == wanted && field.wire == WIRE_LENGTH)
            found = find_in_item(field.bytes, target, attribute, depth);
    return found;
}

static PyObject *find_in_container(const struct scope_field *field, uint32_t target, int depth)
{
    switch (field->field) {
    case VALUE_LIST:
    case VALUE_TUPLE:
        return find_in_items(field->bytes, SEQUENCE_ITEMS, target, true, depth + 1);
    case VALUE_SET:
    case VALUE_FROZENSET:
        return find_in_items(field->bytes, SEQUENCE_ITEMS, target, false, depth + 1);
    case VALUE_DICT:
        return find_in_mapping(field->bytes, MAPPING_ITEMS, target, false, depth + 1);
    default:
        return NULL;
    }
}

static PyObject *find_value(struct scope_span body, uint32_t target, int depth)
{
    struct scope_field field;
    PyObject *found = NULL;

    if (depth > SCOPE_DEPTH_READ + 1)
        return NULL;
    while (!found && scope_reader_next(&body, &field) > 0) {
        if (field.wire == WIRE_LENGTH)
            found = find_in_container(&field, target, depth);
        else if (field.field == VALUE_REF && field.number == target)
            found = PyUnicode_FromString("");
    }
    return found;
}

/* --- by kind ---------------------------------------------------------------- */

static PyObject *step_and(const char *step, struct scope_span value, uint32_t target)
{
    PyObject *rest = step ? find_value(value, target, 0) : NULL;

    return rest ? joined(PyUnicode_FromString(step), rest) : NULL;
}

static PyObject *find_in_function(struct scope_span body, uint32_t target)
{
    static const char *const steps[FUNCTION_SHARED_CODE + 1] = {
        [FUNCTION_DEFAULTS] = ".__defaults__",
        [FUNCTION_KEYWORD_DEFAULTS] = ".__kwdefaults__",
        [FUNCTION_ANNOTATIONS] = ".__annotations__",
        [FUNCTION_DOC] = ".__doc__",
        [FUNCTION_ATTRIBUTES] = ".__dict__",
        [FUNCTION_MODULE] = ".__module__",
        [FUNCTION_GLOBALS] = ".__globals__",
        [FUNCTION_SHARED_CODE] = ".__code__",
    };
    PyObject *found = find_in_items(body, FUNCTION_CLOSURE, target, true, 0);
    struct scope_field field;

    if (found)
        return joined(PyUnicode_FromString(".__closure__"), found);
    while (!found && scope_reader_next(&body, &field) > 0)
        if (field.wire == WIRE_LENGTH && field.field <= FUNCTION_SHARED_CODE)
            found = step_and(steps[field.field], field.bytes, target);
    return found;
}

static PyObject *find_in_class(struct scope_span body, uint32_t target)
{
    struct scope_field fields[CLASS_VIRTUAL_SUBCLASSES + 1];
    PyObject *found;

    if (scope_reader_pick(body, fields, CLASS_VIRTUAL_SUBCLASSES) < 0)
        return NULL;
    found = find_in_mapping(fields[CLASS_NAMESPACE].bytes, MAPPING_ITEMS, target, true, 0);
    if (found)
        return found;
    found = find_in_items(body, CLASS_BASES, target, true, 0);
    if (found)
        return joined(PyUnicode_FromString(".__bases__"), found);
    return step_and(".__class__", fields[CLASS_METACLASS].bytes, target);
}

static PyObject *find_in_state(struct scope_span state, uint32_t target)
{
    struct scope_field field;
    struct scope_span body = state;

    if (scope_reader_next(&body, &field) > 0 && field.field == VALUE_DICT &&
        field.wire == WIRE_LENGTH)
        return find_in_mapping(field.bytes, MAPPING_ITEMS, target, true, 0);
    return find_value(state, target, 0);
}

static PyObject *find_in_reduced(struct scope_span body, uint32_t target)
{
    struct scope_field fields[REDUCED_SLOTS + 1];
    PyObject *found;

    if (scope_reader_pick(body, fields, REDUCED_SLOTS) < 0)
        return NULL;
    found = find_in_state(fields[REDUCED_STATE].bytes, target);
    if (!found)
        found = find_in_state(fields[REDUCED_DICT].bytes, target);
    if (!found)
        found = find_in_mapping(fields[REDUCED_SLOTS].bytes, MAPPING_ITEMS, target, true, 0);
    if (!found)
        found = find_in_items(body, REDUCED_LIST_ITEMS, target, true, 0);
    if (!found)
        found = find_in_mapping(body, REDUCED_DICT_ITEMS, target, false, 0);
    if (!found)
        found = step_and(".__reduce_ex__(5)[1]", fields[REDUCED_ARGUMENTS].bytes, target);
    if (!found)
        found = step_and(".__reduce_ex__(5)[0]", fields[REDUCED_CALLABLE].bytes, target);
    return found;
}

static PyObject *find_in_instance(struct scope_span body, uint32_t target)
{
    struct scope_field fields[INSTANCE_SLOTS + 1];
    PyObject *found;

    if (scope_reader_pick(body, fields, INSTANCE_SLOTS) < 0)
        return NULL;
    found = find_in_mapping(fields[INSTANCE_ATTRIBUTES].bytes, MAPPING_ITEMS, target, true, 0);
    if (!found)
        found = find_in_mapping(fields[INSTANCE_SLOTS].bytes, MAPPING_ITEMS, target, true, 0);
    return found ? found : step_and(".__class__", fields[INSTANCE_TYPE].bytes, target);
}

static PyObject *find_in_sharer(struct scope_span body, uint32_t target)
{
    struct scope_field fields[SHARER_SLOTS + 1];
    PyObject *found;

    if (scope_reader_pick(body, fields, SHARER_SLOTS) < 0)
        return NULL;
    found = step_and(".__dict__", fields[SHARER_DICT].bytes, target);
    if (!found)
        found = find_in_mapping(fields[SHARER_SLOTS].bytes, MAPPING_ITEMS, target, true, 0);
    return found ? found : step_and(".__class__", fields[SHARER_TYPE].bytes, target);
}

static PyObject *find_in_slot(const struct scope_slot *slot, uint32_t target)
{
    switch (slot->kind) {
    case OBJECT_VALUE:
        return find_value(slot->body, target, 0);
    case OBJECT_FUNCTION:
        return find_in_function(slot->body, target);
    case OBJECT_CLASS:
        return find_in_class(slot->body, target);
    case OBJECT_REDUCED:
        return find_in_reduced(slot->body, target);
    case OBJECT_INSTANCE:
        return find_in_instance(slot->body, target);
    case OBJECT_SHARER:
        return find_in_sharer(slot->body, target);
    case OBJECT_CELL:
        return find_in_items(slot->body, CELL_VALUE, target, true, 0);
    default:
        return NULL;
    }
}

PyObject *scope_trail(const struct scope_restore *r, struct scope_span value, uint32_t slot)
{
    PyObject *path = find_value(value, slot, 0);

    if (!path)
        path = PyUnicode_FromString("");
    while (r->slots[slot].cause != slot && r->slots[slot].cause != SCOPE_NO_SLOT) {
        PyObject *step = find_in_slot(&r->slots[slot], r->slots[slot].cause);

        if (step)
            scope_path_add(&path, step);
        slot = r->slots[slot].cause;
    }
    return path;
}
