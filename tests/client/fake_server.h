/* A gRPC server whose every answer a test writes itself: for what the real
 * daemon would not do, or not on demand. */
#ifndef VIVARIUM_TESTS_CLIENT_FAKE_SERVER_H
#define VIVARIUM_TESTS_CLIENT_FAKE_SERVER_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls that are handled at a time. */
#define FAKE_THREADS 4

struct fake_server;

/* One call in the hands of its handler. */
struct fake_call {
    const char *method; /* "Execute": the last part of its path */
    char *tenant;       /* of the metadata; NULL: none */
    uint8_t *request;
    size_t request_len;
    void *arg; /* of fake_server_start() */
    struct fake_inside *inside;
};

/* Runs on one of the server's threads; answers with the functions below, the
 * last of which must be fake_finish() or fake_wait_gone(). */
typedef void fake_handler(struct fake_call *call);

struct fake_server *fake_server_start(const char *target, fake_handler *handler, void *arg);

/* Cancels what is still running. */
void fake_server_stop(struct fake_server *server);

/* One message. False where the client has gone. */
bool fake_send(struct fake_call *call, const ProtobufCMessage *message);
bool fake_send_bytes(struct fake_call *call, const void *data, size_t len);

void fake_finish(struct fake_call *call, grpc_status_code status, const char *text);

/* Waits until the client has cancelled, or its deadline or its life is over. */
void fake_wait_gone(struct fake_call *call);

#endif
