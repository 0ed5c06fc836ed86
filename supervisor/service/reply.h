/* Messages as gRPC byte buffers. The caller owns what is returned. */
#ifndef VIVARIUM_SERVICE_REPLY_H
#define VIVARIUM_SERVICE_REPLY_H

#include <grpc/byte_buffer.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/vivarium.h"

/* Tag and length of a length-delimited field, at the most. */
#define REPLY_PREFIX_MAX 15

grpc_byte_buffer *reply_pack(const ProtobufCMessage *message);

/* An ExecuteResponse: the worker's part as it is, the other fields behind it,
 * which is how protobuf merges messages. */
grpc_byte_buffer *reply_response(const struct viv_result *result);

/* The same as ExecuteEvent.finished. */
grpc_byte_buffer *reply_finished(const struct viv_result *result);

/* Field `from` of an ExecuteResponse is field `to` of another message. */
struct reply_field {
    uint32_t from, to;
};

/* A message of some of the worker's fields, as they are, and those of `rest`
 * behind them. `fields` ends with {0, 0}. */
grpc_byte_buffer *reply_fields(const struct viv_result *result, const struct reply_field *fields,
                               const ProtobufCMessage *rest);

/* Writes what stands before the content of length-delimited field `field` of
 * `len` bytes, and returns its length. Pure. */
size_t reply_prefix(uint8_t ret_prefix[REPLY_PREFIX_MAX], uint32_t field, uint64_t len);

#endif
