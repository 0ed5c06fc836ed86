/* Reads protobuf field by field, out of memory that a stranger filled: nothing
 * is allocated, nothing outside the span is touched. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_READER_H
#define VIVARIUM_VM_CPYTHON_SCOPE_READER_H

#include <stddef.h>
#include <stdint.h>

struct scope_span {
    const uint8_t *at, *end;
};

enum scope_wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

struct scope_field {
    unsigned field;
    enum scope_wire wire;
    uint64_t number;         /* of the other wire types */
    struct scope_span bytes; /* of WIRE_LENGTH; else empty */
};

static inline size_t scope_span_len(struct scope_span span)
{
    return (size_t)(span.end - span.at);
}

/* As scope_reader_next(), whatever the sizes are. */
int scope_reader_next_any(struct scope_span *span, struct scope_field *ret_field);

/* Takes the next field off the span: 1, 0 at the end, -1 where it is broken.
 * Nearly all fields have a key of one byte and a length or number of one or two. */
static inline int scope_reader_next(struct scope_span *span, struct scope_field *ret_field)
{
    const uint8_t *at = span->at;
    size_t left = scope_span_len(*span), head;
    uint64_t number;

    if (left == 0)
        return 0;
    if (left < 2 || (at[0] & 0x80) || at[0] < 8)
        return scope_reader_next_any(span, ret_field);
    ret_field->field = at[0] >> 3;
    ret_field->wire = (enum scope_wire)(at[0] & 7);
    if (at[1] < 0x80) {
        number = at[1];
        head = 2;
    } else if (left > 2 && at[2] < 0x80) {
        number = (at[1] & 0x7f) | (uint64_t)at[2] << 7;
        head = 3;
    } else {
        return scope_reader_next_any(span, ret_field);
    }
    if (ret_field->wire == WIRE_LENGTH && number <= left - head) {
        ret_field->number = 0;
        ret_field->bytes.at = at + head;
        ret_field->bytes.end = span->at = at + head + number;
        return 1;
    }
    if (ret_field->wire == WIRE_VARINT) {
        ret_field->number = number;
        ret_field->bytes.at = ret_field->bytes.end = span->at = at + head;
        return 1;
    }
    return scope_reader_next_any(span, ret_field);
}

/* Of a message's fields 1 to `max`, the last occurrence of each; `field` is 0
 * where there is none. `ret_fields` has max + 1 elements. -1 where it is broken. */
int scope_reader_pick(struct scope_span body, struct scope_field *ret_fields, unsigned max);

static inline int64_t scope_reader_zigzag(uint64_t number)
{
    return (int64_t)(number >> 1 ^ (~(number & 1) + 1));
}

double scope_reader_double(uint64_t number);

#endif
