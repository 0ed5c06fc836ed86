/* From what arrived to a checked protobuf-c message. */
#ifndef VIVARIUM_SERVICE_REQUEST_H
#define VIVARIUM_SERVICE_REQUEST_H

#include <grpc/slice.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/call.h"
#include "supervisor/vivarium.h"

/* Unpacks call->message and destroys it. The caller frees *ret_message with
 * protobuf_c_message_free_unpacked(). */
int request_unpack(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                   ProtobufCMessage **ret_message, struct viv_error *err);

/* A message of the request's that is handed on as it arrived: unpacked it would
 * take many times its memory. */
struct request_raw {
    grpc_slice bytes;    /* what holds it, maybe within: not to be copied */
    const uint8_t *data; /* NULL: the request has none */
    size_t len;
};

/* The same, but for field `number`, a message of type `raw_type`: it is checked
 * and left out. The caller ends *ret_raw with request_raw_free(). */
int request_unpack_beside(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                          uint32_t number, const ProtobufCMessageDescriptor *raw_type,
                          ProtobufCMessage **ret_message, struct request_raw *ret_raw,
                          struct viv_error *err);
void request_raw_free(struct request_raw *raw);

/* The tenant that the call's credentials are of (gate.h). */
int request_tenant(const struct call *call, char ret_tenant[VIV_ID_MAX + 1], struct viv_error *err);

/* The call's deadline on CLOCK_MONOTONIC; 0: none. */
int64_t request_deadline_ns(const struct call *call);

/* Now, on the same clock. */
int64_t request_now_ns(void);

#endif
