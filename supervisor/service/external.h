/* gRPC's hook for connections that were accepted by somebody else, which unlike
 * grpc_server_add_channel_from_fd() takes every kind of credentials.
 *
 * It is what libgrpc++'s AddExternalConnectionAcceptor() is made of: a port
 * named "external:NAME" leaves a handler in the channel argument of that name.
 * The C API has no name for the handler, a C++ object with one method; its
 * layout is the platform's C++ ABI. external_check() is therefore asked before
 * anybody is let in. */
#ifndef VIVARIUM_SERVICE_EXTERNAL_H
#define VIVARIUM_SERVICE_EXTERNAL_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdbool.h>

#include "proto/error.h"

struct external_handler;

struct external {
    char name[24];
    struct external_handler *handler; /* gRPC's, of the server */
};

/* An argument for the server that points to `external`, which must stay where
 * it is while the server lives. */
void external_init(struct external *external, unsigned number, grpc_arg *ret_arg);

/* Before the server starts. */
int external_open(struct external *external, grpc_server *server,
                  grpc_server_credentials *credentials, struct viv_error *err);

/* Hands a connection over (takes the descriptor). Of a started server that is
 * not shut down. */
void external_take(struct external *external, int fd);

/* Whether a TLS handshake begun on a connection that was handed over is
 * answered, within some seconds. */
int external_check(struct external *external, struct viv_error *err);

#endif
