/* How the server's connections behave: sizes, keepalive, what a stranger may
 * use up. */
#ifndef VIVARIUM_SERVICE_CHANNEL_ARGS_H
#define VIVARIUM_SERVICE_CHANNEL_ARGS_H

#include <grpc/grpc.h>
#include <stddef.h>

/* A server with them and `more`, of which there may be CHANNEL_ARGS_MORE_MAX;
 * the caller destroys it. */
#define CHANNEL_ARGS_MORE_MAX 16
grpc_server *channel_args_server(int max_message, int max_streams, const grpc_arg *more,
                                 size_t count);

/* Bytes of messages that gRPC may have in its hands, over all connections. */
size_t channel_args_quota(int max_message);

#endif
