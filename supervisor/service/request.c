#include "supervisor/service/request.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/wire_check.h"
#include "supervisor/service/server.h"

/* How much more memory than bytes on the wire an unpacked request may take. */
#define UNPACKED_FACTOR 4
#define UNPACKED_FLOOR ((uint64_t)1 << 20)

/* The message in one piece; the caller unrefs it. */
static int flatten(grpc_byte_buffer *buffer, grpc_slice *ret_bytes, struct viv_error *err)
{
    grpc_byte_buffer_reader reader;

    if (!buffer)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the request's message is missing");
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return viv_fail(err, VIV_INTERNAL, "can't read a message");
    *ret_bytes = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    return 0;
}

static int unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t len,
                  size_t max_message, ProtobufCMessage **ret_message, struct viv_error *err)
{
    struct viv_wire_caps caps = {.unpacked_max = UNPACKED_FLOOR + UNPACKED_FACTOR * max_message};
    ProtobufCMessage *message;

    if (viv_wire_check(descriptor, data, len, &caps, err) < 0)
        return -1;
    message = protobuf_c_message_unpack(descriptor, NULL, len, data);
    if (!message)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the message is not a %s", descriptor->name);
    *ret_message = message;
    return 0;
}

/* The call's message in one piece, which is no longer the call's. */
static int take_bytes(struct call *call, grpc_slice *ret_bytes, struct viv_error *err)
{
    if (flatten(call->message, ret_bytes, err) < 0)
        return -1;
    grpc_byte_buffer_destroy(call->message);
    call->message = NULL;
    return 0;
}

int request_unpack(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                   ProtobufCMessage **ret_message, struct viv_error *err)
{
    grpc_slice bytes;
    int rc;

    if (take_bytes(call, &bytes, err) < 0)
        return -1;
    rc = unpack(descriptor, GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes),
                server_max_message(call->slot), ret_message, err);
    grpc_slice_unref(bytes);
    return rc;
}

/* Where field `number` stands; found->at NULL: nowhere. */
static int find(const grpc_slice *bytes, uint32_t number, struct viv_wire_field *ret_found,
                struct viv_error *err)
{
    const uint8_t *at = GRPC_SLICE_START_PTR(*bytes), *end = at + GRPC_SLICE_LENGTH(*bytes);
    struct viv_wire_field field;

    *ret_found = (struct viv_wire_field){0};
    while (viv_wire_next(&at, end, &field)) {
        if (field.number != number || !field.delimited)
            continue;
        if (ret_found->at)
            return viv_fail(err, VIV_INVALID_ARGUMENT, "field %u: given twice", number);
        *ret_found = field;
    }
    return 0;
}

/* All but the field: what stands before it and behind it. */
static int unpack_rest(const ProtobufCMessageDescriptor *descriptor, const grpc_slice *bytes,
                       const struct viv_wire_field *without, size_t max_message,
                       ProtobufCMessage **ret_message, struct viv_error *err)
{
    const uint8_t *start = GRPC_SLICE_START_PTR(*bytes), *end = start + GRPC_SLICE_LENGTH(*bytes);
    const uint8_t *behind = without->data + without->len;
    size_t before_len = (size_t)(without->at - start), behind_len = (size_t)(end - behind);
    uint8_t *rest = malloc(before_len + behind_len + 1);
    int rc;

    if (!rest)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for a request");
    memcpy(rest, start, before_len);
    memcpy(rest + before_len, behind, behind_len);
    rc = unpack(descriptor, rest, before_len + behind_len, max_message, ret_message, err);
    free(rest);
    return rc;
}

static int unpack_beside(const ProtobufCMessageDescriptor *descriptor, uint32_t number,
                         const ProtobufCMessageDescriptor *raw_type, size_t max_message,
                         ProtobufCMessage **ret_message, struct request_raw *raw,
                         struct viv_error *err)
{
    const struct viv_wire_caps caps = {.unpacked_max = UINT64_MAX};
    struct viv_wire_field found;

    if (find(&raw->bytes, number, &found, err) < 0)
        return -1;
    if (!found.at)
        return unpack(descriptor, GRPC_SLICE_START_PTR(raw->bytes), GRPC_SLICE_LENGTH(raw->bytes),
                      max_message, ret_message, err);
    if (viv_wire_check(raw_type, found.data, found.len, &caps, err) < 0)
        return -1;
    raw->data = found.data;
    raw->len = found.len;
    return unpack_rest(descriptor, &raw->bytes, &found, max_message, ret_message, err);
}

/* In place: gRPC keeps a few bytes within the slice itself, so `data` would not
 * survive a copy of it. */
int request_unpack_beside(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                          uint32_t number, const ProtobufCMessageDescriptor *raw_type,
                          ProtobufCMessage **ret_message, struct request_raw *ret_raw,
                          struct viv_error *err)
{
    *ret_raw = (struct request_raw){0};
    if (take_bytes(call, &ret_raw->bytes, err) < 0)
        return -1;
    if (unpack_beside(descriptor, number, raw_type, server_max_message(call->slot), ret_message,
                      ret_raw, err) == 0)
        return 0;
    request_raw_free(ret_raw);
    return -1;
}

void request_raw_free(struct request_raw *raw)
{
    grpc_slice_unref(raw->bytes);
    *raw = (struct request_raw){0};
}

int request_tenant(const struct call *call, char ret_tenant[VIV_ID_MAX + 1], struct viv_error *err)
{
    if (call->identity.tenant[0] == '\0')
        return viv_fail(err, VIV_INTERNAL, "a call without a tenant");
    memcpy(ret_tenant, call->identity.tenant, VIV_ID_MAX + 1);
    return 0;
}

static int64_t to_ns(gpr_timespec t)
{
    if (t.tv_sec >= INT64_MAX / 1000000000)
        return INT64_MAX;
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t request_deadline_ns(const struct call *call)
{
    gpr_timespec deadline = gpr_convert_clock_type(call->deadline, GPR_CLOCK_MONOTONIC);
    int64_t ns = to_ns(deadline);

    if (ns == INT64_MAX)
        return 0;
    /* One that has passed is one nevertheless. */
    return ns > 0 ? ns : 1;
}

int64_t request_now_ns(void)
{
    return to_ns(gpr_now(GPR_CLOCK_MONOTONIC));
}
