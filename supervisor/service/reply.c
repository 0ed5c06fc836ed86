#include "supervisor/service/reply.h"

#include <grpc/slice.h>
#include <string.h>

#include "proto/wire_check.h"
#include "supervisor/service/message.h"

#define FINISHED_FIELD 3 /* of ExecuteEvent */
#define WIRE_LENGTH_DELIMITED 2

static size_t put_varint(uint8_t *at, uint64_t value)
{
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        at[n++] = (uint8_t)(value | 0x80);
    at[n++] = (uint8_t)value;
    return n;
}

size_t reply_prefix(uint8_t ret_prefix[REPLY_PREFIX_MAX], uint32_t field, uint64_t len)
{
    size_t n = put_varint(ret_prefix, (uint64_t)field << 3 | WIRE_LENGTH_DELIMITED);

    return n + put_varint(ret_prefix + n, len);
}

static grpc_slice pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    return slice;
}

/* A buffer of the slices, which it takes over. */
static grpc_byte_buffer *join(grpc_slice *slices, size_t count)
{
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(slices, count);

    for (size_t i = 0; i < count; i++)
        grpc_slice_unref(slices[i]);
    return buffer;
}

grpc_byte_buffer *reply_pack(const ProtobufCMessage *message)
{
    grpc_slice slice = pack(message);

    return join(&slice, 1);
}

/* The response's two parts; the supervisor's memory ends with its callback. */
static void pack_response(const struct viv_result *result, grpc_slice ret_parts[2])
{
    struct message_response m;

    message_response(&m, result);
    ret_parts[0] = grpc_slice_from_copied_buffer((const char *)result->body, result->body_len);
    ret_parts[1] = pack(&m.root.base);
}

grpc_byte_buffer *reply_response(const struct viv_result *result)
{
    grpc_slice parts[2];

    pack_response(result, parts);
    return join(parts, 2);
}

grpc_byte_buffer *reply_finished(const struct viv_result *result)
{
    uint8_t prefix[REPLY_PREFIX_MAX];
    grpc_slice parts[3];
    size_t len;

    pack_response(result, parts + 1);
    len = reply_prefix(prefix, FINISHED_FIELD,
                       GRPC_SLICE_LENGTH(parts[1]) + GRPC_SLICE_LENGTH(parts[2]));
    parts[0] = grpc_slice_from_copied_buffer((const char *)prefix, len);
    return join(parts, 3);
}

static uint32_t new_number(const struct reply_field *fields, uint32_t from)
{
    while (fields->from && fields->from != from)
        fields++;
    return fields->to;
}

grpc_byte_buffer *reply_fields(const struct viv_result *result, const struct reply_field *fields,
                               const ProtobufCMessage *rest)
{
    const uint8_t *at = result->body, *end = at + result->body_len;
    size_t rest_len = protobuf_c_message_get_packed_size(rest);
    /* No number is longer than the one it had. */
    grpc_slice slice = grpc_slice_malloc(result->body_len + rest_len);
    uint8_t *to = GRPC_SLICE_START_PTR(slice);
    struct viv_wire_field field;

    while (viv_wire_next(&at, end, &field)) {
        uint32_t number = field.delimited ? new_number(fields, field.number) : 0;

        if (number == 0)
            continue;
        to += reply_prefix(to, number, field.len);
        memcpy(to, field.data, field.len);
        to += field.len;
    }
    to += protobuf_c_message_pack(rest, to);
    GRPC_SLICE_SET_LENGTH(slice, (size_t)(to - GRPC_SLICE_START_PTR(slice)));
    return join(&slice, 1);
}
