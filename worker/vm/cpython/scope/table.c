#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/scope/fields.h"

struct counts {
    uint64_t names, objects, format;
};

static int malformed(struct viv_error *err, const char *what)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "no scope snapshot: %s", what);
}

static int take_version(struct scope_restore *r, struct scope_span text)
{
    char own[16];
    size_t len = scope_span_len(text);

    snprintf(own, sizeof(own), "%d.%d", PY_MAJOR_VERSION, PY_MINOR_VERSION);
    r->same_python = len == strlen(own) && memcmp(text.at, own, len) == 0;
    for (size_t i = 0; i < len && i < sizeof(r->python) - 1; i++)
        r->python[i] = text.at[i] >= ' ' && text.at[i] < 0x7f ? (char)text.at[i] : '?';
    return 0;
}

/* The first pass: how many there are. */
static int count(struct scope_restore *r, struct scope_span data, struct counts *ret,
                 struct viv_error *err)
{
    struct scope_field field;
    int rc;

    *ret = (struct counts){0};
    while ((rc = scope_reader_next(&data, &field)) > 0) {
        bool block = field.wire == WIRE_LENGTH;

        if ((field.field == SNAPSHOT_FORMAT && field.wire != WIRE_VARINT) ||
            (field.field >= SNAPSHOT_PYTHON && field.field <= SNAPSHOT_OBJECTS && !block))
            return malformed(err, "a field has the wrong type");
        if (field.field == SNAPSHOT_FORMAT)
            ret->format = field.number;
        else if (field.field == SNAPSHOT_PYTHON)
            take_version(r, field.bytes);
        else if (field.field == SNAPSHOT_NAMES)
            ret->names++;
        else if (field.field == SNAPSHOT_OBJECTS)
            ret->objects++;
    }
    if (rc < 0)
        return malformed(err, "it is cut off or damaged");
    if (ret->format != SCOPE_FORMAT_VERSION)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the scope snapshot has format version %llu; this worker knows version %d",
                        (unsigned long long)ret->format, SCOPE_FORMAT_VERSION);
    return 0;
}

static int read_binding(struct scope_binding *binding, struct scope_span body)
{
    struct scope_field fields[BINDING_VALUE + 1];

    binding->size = (uint32_t)scope_span_len(body);
    if (scope_reader_pick(body, fields, BINDING_VALUE) < 0)
        return -1;
    binding->name = fields[BINDING_NAME].bytes;
    binding->value = fields[BINDING_VALUE].bytes;
    return fields[BINDING_NAME].wire == WIRE_LENGTH && fields[BINDING_VALUE].wire == WIRE_LENGTH
               ? 0
               : -1;
}

static int read_slot(struct scope_slot *slot, struct scope_span body)
{
    struct scope_field field;
    int rc;

    *slot = (struct scope_slot){
        .size = (uint32_t)scope_span_len(body), .cause = SCOPE_NO_SLOT, .low = SCOPE_NO_SLOT};
    while ((rc = scope_reader_next(&body, &field)) > 0) {
        if (field.field > OBJECT_ATTACHED)
            continue;
        if ((field.field == OBJECT_SCOPE_GLOBALS) != (field.wire == WIRE_VARINT))
            return -1;
        slot->kind = (uint8_t)(field.field == OBJECT_ATTACHED ? OBJECT_REDUCED : field.field);
        slot->body = field.bytes;
    }
    return rc;
}

static int read_parts(struct scope_restore *r, struct scope_span data, struct viv_error *err)
{
    struct scope_field field;

    while (scope_reader_next(&data, &field) > 0) {
        if (field.field == SNAPSHOT_NAMES &&
            read_binding(&r->bindings[r->binding_count++], field.bytes) < 0)
            return malformed(err, "a name is damaged");
        if (field.field == SNAPSHOT_OBJECTS &&
            read_slot(&r->slots[r->slot_count++], field.bytes) < 0)
            return malformed(err, "an object is damaged");
    }
    return 0;
}

int scope_table_read(struct scope_restore *r, const void *data, size_t len, struct viv_error *err)
{
    const uint8_t *bytes = data ? data : (const uint8_t *)"";
    struct scope_span span = {bytes, bytes + len};
    struct counts counts;

    if (len > r->op->caps.bytes || len > UINT32_MAX)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                        "the scope snapshot has %zu bytes; %zu are allowed", len,
                        r->op->caps.bytes);
    if (count(r, span, &counts, err) < 0)
        return -1;
    if (counts.names + counts.objects > r->op->caps.objects) {
        scope_op_abort(r->op, SCOPE_TOO_MANY);
        return scope_op_fail(r->op, err);
    }
    r->slots = calloc(counts.objects + 1, sizeof(*r->slots));
    r->log = calloc(counts.objects + 1, sizeof(*r->log));
    r->bindings = calloc(counts.names + 1, sizeof(*r->bindings));
    if (!r->slots || !r->log || !r->bindings) {
        scope_op_abort(r->op, SCOPE_NO_MEMORY);
        return scope_op_fail(r->op, err);
    }
    return read_parts(r, span, err);
}

void scope_table_free(struct scope_restore *r)
{
    for (uint32_t i = 0; i < r->slot_count; i++) {
        Py_XDECREF(r->slots[i].object);
        Py_XDECREF(r->slots[i].reason);
    }
    for (size_t i = 0; i < SCOPE_KEY_CACHE; i++)
        Py_XDECREF(r->keys[i]);
    free(r->slots);
    free(r->log);
    free(r->bindings);
    free(r->tasks);
    scope_manifest_free(&r->manifest);
}
