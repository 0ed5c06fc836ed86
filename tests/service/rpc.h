/* A blocking gRPC client for tests, on the C core: bytes in, bytes out. */
#ifndef VIVARIUM_TESTS_SERVICE_RPC_H
#define VIVARIUM_TESTS_SERVICE_RPC_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection of its own. */
grpc_channel *rpc_open(const char *target);

/* One with TLS to 127.0.0.1, which trusts FOLDER/`authority`.pem and shows
 * FOLDER/`client`.pem, unless that is NULL. */
grpc_channel *rpc_open_tls(const char *target, const char *folder, const char *authority,
                           const char *client);

/* One that compresses what it sends. */
grpc_channel *rpc_open_compressed(const char *target);

struct rpc_call;

struct rpc_options {
    const char *tenant;                      /* NULL: none named */
    const char *authorization, *traceparent; /* as metadata; NULL: none */
    int deadline_ms;                         /* 0: 30 s */
    bool open; /* the client may send more: rpc_half_close() ends it */
};

/* Starts a call with one message; ends with rpc_end(). */
struct rpc_call *rpc_start_bytes(grpc_channel *channel, const char *method, const void *data,
                                 size_t len, struct rpc_options options);

struct rpc_call *rpc_start(grpc_channel *channel, const char *method,
                           const ProtobufCMessage *request, struct rpc_options options);

/* The next message as a copy in *ret_data (the caller frees it). False: there
 * is none any more. */
bool rpc_read(struct rpc_call *call, uint8_t **ret_data, size_t *ret_len);

/* The same, unpacked; NULL: none any more. */
ProtobufCMessage *rpc_read_message(struct rpc_call *call,
                                   const ProtobufCMessageDescriptor *descriptor);

void rpc_cancel(struct rpc_call *call);

void rpc_half_close(struct rpc_call *call);

/* Waits for the status and frees the call; the details go to `text` unless it
 * is NULL. */
#define RPC_TEXT_MAX 1024
int rpc_end(struct rpc_call *call, char text[RPC_TEXT_MAX]);

/* One request, one response; returns the status. *ret_response is set for OK
 * only. */
int rpc_unary(grpc_channel *channel, const char *method, const ProtobufCMessage *request,
              const ProtobufCMessageDescriptor *response_type, struct rpc_options options,
              ProtobufCMessage **ret_response, char text[RPC_TEXT_MAX]);

#endif
