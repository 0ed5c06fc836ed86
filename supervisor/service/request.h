/* From what arrived to a checked protobuf-c message. */
#ifndef VIVARIUM_SERVICE_REQUEST_H
#define VIVARIUM_SERVICE_REQUEST_H

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

/* The tenant that the call's credentials are of (gate.h). */
int request_tenant(const struct call *call, char ret_tenant[VIV_ID_MAX + 1], struct viv_error *err);

/* The call's deadline on CLOCK_MONOTONIC; 0: none. */
int64_t request_deadline_ns(const struct call *call);

/* Now, on the same clock. */
int64_t request_now_ns(void);

#endif
