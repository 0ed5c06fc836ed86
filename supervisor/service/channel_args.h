/* How the server's connections behave: sizes, keepalive, what a stranger may
 * use up. */
#ifndef VIVARIUM_SERVICE_CHANNEL_ARGS_H
#define VIVARIUM_SERVICE_CHANNEL_ARGS_H

#include <grpc/grpc.h>

/* A server with them; the caller destroys it. */
grpc_server *channel_args_server(int max_message, int max_streams);

#endif
