#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/build.h"

#include "worker/vm/cpython/scope/create.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/scalar.h"

/* The interpreter hashes a tuple by recursion, without a limit of its own. */
#define HASH_HEIGHT_MAX 1000

PyObject *scope_build_damaged(struct scope_restore *r, const char *what)
{
    scope_op_refuse(r->op, "the snapshot is damaged: %s", what);
    return NULL;
}

/* --- references ------------------------------------------------------------- */

/* What the slot at work hangs on if an unfinished object fails later. */
static void note_unfinished(struct scope_restore *r, uint32_t index)
{
    struct scope_slot *slot = &r->slots[index], *at;

    if (slot->state == SLOT_COMPLETE)
        index = slot->low;
    if (index == SCOPE_NO_SLOT || r->current == SCOPE_NO_SLOT ||
        r->slots[index].state >= SLOT_COMPLETE)
        return;
    at = &r->slots[r->current];
    if (at->low == SCOPE_NO_SLOT || r->slots[index].begun < r->slots[at->low].begun)
        at->low = index;
}

PyObject *scope_build_ref(struct scope_restore *r, uint64_t index)
{
    struct scope_slot *slot;

    if (index >= r->slot_count)
        return scope_build_damaged(r, "it refers to an object that is not there");
    slot = &r->slots[index];
    if (slot->state == SLOT_FAILED) {
        r->blamed = (uint32_t)index;
        return NULL;
    }
    if (!slot->object)
        return scope_build_damaged(r, "an object is made of itself");
    if (slot->height > r->height)
        r->height = slot->height;
    note_unfinished(r, (uint32_t)index);
    if (r->hashing && scope_fill_early(r, slot) < 0)
        return NULL;
    return slot->object;
}

/* --- containers ------------------------------------------------------------- */

static Py_ssize_t count_fields(struct scope_span body, unsigned wanted)
{
    struct scope_field field;
    Py_ssize_t count = 0;

    while (scope_reader_next(&body, &field) > 0)
        count += field.field == wanted && field.wire == WIRE_LENGTH;
    return count;
}

/* The items of a new list or tuple, whose length is known: no growing. */
static int set_items(struct scope_restore *r, struct scope_span body, unsigned wanted, int depth,
                     PyObject **place)
{
    struct scope_field field;
    int rc;

    while ((rc = scope_reader_next(&body, &field)) > 0) {
        if (field.field != wanted || field.wire != WIRE_LENGTH)
            continue;
        *place = scope_build_value(r, field.bytes, depth);
        if (!*place++)
            return -1;
    }
    if (rc < 0)
        scope_build_damaged(r, "items");
    return rc;
}

static PyObject *filled(PyObject *container, int rc)
{
    if (rc < 0)
        Py_CLEAR(container);
    return container;
}

PyObject *scope_build_repeated(struct scope_restore *r, struct scope_span body, unsigned wanted,
                               int depth)
{
    PyObject *tuple = PyTuple_New(count_fields(body, wanted));

    if (!tuple)
        return NULL;
    return filled(tuple, set_items(r, body, wanted, depth, &PyTuple_GET_ITEM(tuple, 0)));
}

static PyObject *build_list(struct scope_restore *r, struct scope_span body, int depth)
{
    PyObject *list = PyList_New(count_fields(body, SEQUENCE_ITEMS));

    if (!list)
        return NULL;
    return filled(list, set_items(r, body, SEQUENCE_ITEMS, depth, ((PyListObject *)list)->ob_item));
}

int scope_build_into_list(struct scope_restore *r, PyObject *list, struct scope_span body,
                          int depth)
{
    struct scope_field field;
    int rc;

    while ((rc = scope_reader_next(&body, &field)) > 0) {
        PyObject *item;

        if (field.field != SEQUENCE_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        item = scope_build_value(r, field.bytes, depth);
        if (!item)
            return -1;
        rc = PyList_Append(list, item);
        Py_DECREF(item);
        if (rc < 0)
            return -1;
    }
    if (rc < 0)
        scope_build_damaged(r, "a list");
    return rc;
}

/* A value that will be hashed. */
static PyObject *build_hashed(struct scope_restore *r, struct scope_span body, int depth)
{
    PyObject *key;
    uint32_t height = r->height;
    bool hashing = r->hashing;

    r->height = 0;
    r->hashing = true;
    key = scope_build_value(r, body, depth);
    r->hashing = hashing;
    if (key && r->height > HASH_HEIGHT_MAX) {
        Py_CLEAR(key);
        scope_op_refuse(r->op, "a key or an item of a set is nested more than %d deep",
                        HASH_HEIGHT_MAX);
    }
    if (r->height < height)
        r->height = height;
    return key;
}

int scope_build_into_set(struct scope_restore *r, PyObject *set, struct scope_span body, int depth)
{
    struct scope_field field;
    int rc;

    while ((rc = scope_reader_next(&body, &field)) > 0) {
        PyObject *item;

        if (field.field != SEQUENCE_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        item = build_hashed(r, field.bytes, depth);
        if (!item)
            return -1;
        rc = PySet_Add(set, item);
        Py_DECREF(item);
        if (rc < 0)
            return -1;
    }
    if (rc < 0)
        scope_build_damaged(r, "a set");
    return rc;
}

int scope_build_item(struct scope_restore *r, struct scope_span body, int depth, PyObject **ret_key,
                     PyObject **ret_value)
{
    struct scope_field fields[ITEM_VALUE + 1], key;
    PyObject *value;

    if (scope_reader_pick(body, fields, ITEM_VALUE) < 0 || fields[ITEM_KEY].wire != WIRE_LENGTH ||
        fields[ITEM_VALUE].wire != WIRE_LENGTH) {
        scope_build_damaged(r, "an item of a dict lacks its key or its value");
        return -1;
    }
    body = fields[ITEM_KEY].bytes;
    if (scope_reader_next(&body, &key) > 0 && key.field == VALUE_TEXT && key.wire == WIRE_LENGTH &&
        body.at == body.end)
        *ret_key = scope_scalar_key(r, key.bytes);
    else
        *ret_key = build_hashed(r, fields[ITEM_KEY].bytes, depth);
    if (!*ret_key)
        return -1;
    value = scope_build_value(r, fields[ITEM_VALUE].bytes, depth);
    if (!value) {
        Py_CLEAR(*ret_key);
        return -1;
    }
    *ret_value = value;
    return 0;
}

int scope_build_into_dict(struct scope_restore *r, PyObject *dict, struct scope_span body,
                          int depth)
{
    struct scope_field field;
    int rc;

    while ((rc = scope_reader_next(&body, &field)) > 0) {
        PyObject *key, *value;

        if (field.field != MAPPING_ITEMS || field.wire != WIRE_LENGTH)
            continue;
        if (scope_build_item(r, field.bytes, depth, &key, &value) < 0)
            return -1;
        rc = PyDict_SetItem(dict, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
        if (rc < 0)
            return -1;
    }
    if (rc < 0)
        scope_build_damaged(r, "a dict");
    return rc;
}

/* --- any value -------------------------------------------------------------- */

static PyObject *build_container(struct scope_restore *r, const struct scope_field *field,
                                 int depth)
{
    PyObject *container;

    if (depth > SCOPE_DEPTH_READ)
        return scope_build_damaged(r,
                                   "containers stand more than 20 deep in each other; deeper ones "
                                   "belong into the table of objects");
    switch (field->field) {
    case VALUE_LIST:
        return build_list(r, field->bytes, depth + 1);
    case VALUE_TUPLE:
        return scope_build_repeated(r, field->bytes, SEQUENCE_ITEMS, depth + 1);
    case VALUE_DICT:
        container = PyDict_New();
        return container
                   ? filled(container, scope_build_into_dict(r, container, field->bytes, depth + 1))
                   : NULL;
    default:
        container = field->field == VALUE_SET ? PySet_New(NULL) : PyFrozenSet_New(NULL);
        return container
                   ? filled(container, scope_build_into_set(r, container, field->bytes, depth + 1))
                   : NULL;
    }
}

static PyObject *build_block(struct scope_restore *r, const struct scope_field *field, int depth)
{
    switch (field->field) {
    case VALUE_TEXT:
        return scope_scalar_text(field->bytes, "strict");
    case VALUE_SURROGATE_TEXT:
        return scope_scalar_text(field->bytes, "surrogatepass");
    case VALUE_DATA:
        return scope_scalar_bytes(field->bytes);
    case VALUE_BYTEARRAY:
        return scope_scalar_bytearray(field->bytes);
    case VALUE_BIG_INTEGER:
        return scope_scalar_big_integer(r, field->bytes);
    case VALUE_COMPLEX:
        return scope_scalar_complex(r, field->bytes);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET:
    case VALUE_DICT:
        return build_container(r, field, depth);
    case VALUE_OPAQUE:
        return scope_scalar_opaque(r, field->bytes);
    default:
        return scope_build_damaged(r, "a value of no kind that this worker knows");
    }
}

static PyObject *build_number(struct scope_restore *r, const struct scope_field *field)
{
    bool fixed = field->wire == WIRE_FIXED64;

    if (fixed && field->field == VALUE_FLOATING)
        return PyFloat_FromDouble(scope_reader_double(field->number));
    if (fixed)
        return scope_build_damaged(r, "a value of the wrong type");
    switch (field->field) {
    case VALUE_INTEGER:
        return PyLong_FromLongLong(scope_reader_zigzag(field->number));
    case VALUE_BOOLEAN:
        return PyBool_FromLong(field->number != 0);
    case VALUE_CONSTANT:
        return scope_scalar_constant(r, field->number);
    case VALUE_REF:
        return Py_XNewRef(scope_build_ref(r, field->number));
    default:
        return scope_build_damaged(r, "a value of the wrong type");
    }
}

/* Most values of large scopes are one integer of a few bytes. */
static inline bool is_short_integer(struct scope_span body, uint64_t *ret_number)
{
    size_t len = scope_span_len(body);
    uint64_t number = 0;

    if (len < 2 || len > 5 || body.at[0] != (VALUE_INTEGER << 3 | WIRE_VARINT))
        return false;
    for (size_t i = 1; i < len; i++) {
        number |= (uint64_t)(body.at[i] & 0x7f) << 7 * (i - 1);
        if ((body.at[i] >= 0x80) != (i + 1 < len))
            return false;
    }
    *ret_number = number;
    return true;
}

PyObject *scope_build_value(struct scope_restore *r, struct scope_span body, int depth)
{
    uint64_t number;

    struct scope_field field, last = {0};
    int rc;

    if (scope_op_count(r->op) < 0)
        return NULL;
    if (is_short_integer(body, &number))
        return PyLong_FromLong((long)scope_reader_zigzag(number));
    while ((rc = scope_reader_next(&body, &field)) > 0)
        if (field.field <= VALUE_OPAQUE)
            last = field;
    if (rc < 0 || last.field == 0)
        return scope_build_damaged(r, rc < 0 ? "a value"
                                             : "a value of no kind that this worker knows");
    return last.wire == WIRE_LENGTH ? build_block(r, &last, depth) : build_number(r, &last);
}

int scope_build_field(struct scope_restore *r, const struct scope_field *field,
                      PyObject **ret_object)
{
    *ret_object = NULL;
    if (field->field == 0)
        return 0;
    if (field->wire != WIRE_LENGTH) {
        scope_build_damaged(r, "a field of the wrong type");
        return -1;
    }
    *ret_object = scope_build_value(r, field->bytes, 0);
    return *ret_object ? 0 : -1;
}

PyObject *scope_build_needed(struct scope_restore *r, const struct scope_field *field,
                             const char *what)
{
    PyObject *object;

    if (scope_build_field(r, field, &object) == 0 && !object)
        scope_build_damaged(r, what);
    return object;
}

PyObject *scope_build_text(struct scope_restore *r, const struct scope_field *field)
{
    if (field->field && field->wire != WIRE_LENGTH)
        return scope_build_damaged(r, "a field of the wrong type");
    return scope_scalar_text(field->bytes, "strict");
}
