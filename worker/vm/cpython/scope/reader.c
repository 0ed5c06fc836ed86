#include "worker/vm/cpython/scope/reader.h"

#include <string.h>

static int varint(struct scope_span *span, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && span->at < span->end; shift += 7) {
        uint8_t byte = *span->at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return 0;
        }
    }
    return -1;
}

static int fixed(struct scope_span *span, size_t len, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (scope_span_len(*span) < len)
        return -1;
    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)span->at[i] << 8 * i;
    span->at += len;
    *ret_value = value;
    return 0;
}

static int block(struct scope_span *span, struct scope_span *ret_bytes)
{
    uint64_t len;

    if (varint(span, &len) < 0 || len > scope_span_len(*span))
        return -1;
    ret_bytes->at = span->at;
    ret_bytes->end = span->at += len;
    return 0;
}

int scope_reader_next_any(struct scope_span *span, struct scope_field *ret_field)
{
    uint64_t key;
    int rc;

    if (span->at == span->end)
        return 0;
    if (varint(span, &key) < 0 || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return -1;
    ret_field->field = (unsigned)(key >> 3);
    ret_field->wire = (enum scope_wire)(key & 7);
    ret_field->bytes = (struct scope_span){span->at, span->at};
    ret_field->number = 0;
    switch (key & 7) {
    case WIRE_VARINT:
        rc = varint(span, &ret_field->number);
        break;
    case WIRE_FIXED64:
        rc = fixed(span, 8, &ret_field->number);
        break;
    case WIRE_LENGTH:
        rc = block(span, &ret_field->bytes);
        break;
    case WIRE_FIXED32:
        rc = fixed(span, 4, &ret_field->number);
        break;
    default:
        rc = -1;
    }
    return rc < 0 ? -1 : 1;
}

double scope_reader_double(uint64_t number)
{
    double value;

    memcpy(&value, &number, sizeof(value));
    return value;
}

int scope_reader_pick(struct scope_span body, struct scope_field *ret_fields, unsigned max)
{
    struct scope_field field;
    int rc;

    memset(ret_fields, 0, (max + 1) * sizeof(*ret_fields));
    while ((rc = scope_reader_next(&body, &field)) > 0)
        if (field.field <= max)
            ret_fields[field.field] = field;
    return rc;
}
