#include "supervisor/service/request.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
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

static int unpack(const ProtobufCMessageDescriptor *descriptor, grpc_slice bytes,
                  size_t max_message, ProtobufCMessage **ret_message, struct viv_error *err)
{
    struct viv_wire_caps caps = {.unpacked_max = UNPACKED_FLOOR + UNPACKED_FACTOR * max_message};
    const uint8_t *data = GRPC_SLICE_START_PTR(bytes);
    size_t len = GRPC_SLICE_LENGTH(bytes);
    ProtobufCMessage *message;

    if (viv_wire_check(descriptor, data, len, &caps, err) < 0)
        return -1;
    message = protobuf_c_message_unpack(descriptor, NULL, len, data);
    if (!message)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the message is not a %s", descriptor->name);
    *ret_message = message;
    return 0;
}

int request_unpack(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                   ProtobufCMessage **ret_message, struct viv_error *err)
{
    grpc_slice bytes;
    int rc;

    if (flatten(call->message, &bytes, err) < 0)
        return -1;
    grpc_byte_buffer_destroy(call->message);
    call->message = NULL;
    rc = unpack(descriptor, bytes, server_max_message(call->slot), ret_message, err);
    grpc_slice_unref(bytes);
    return rc;
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
