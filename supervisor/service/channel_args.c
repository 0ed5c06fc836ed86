#include "supervisor/service/channel_args.h"

#include <grpc/compression.h>
#include <string.h>

/* A client's credentials and trace context fit. */
#define METADATA_MAX (16 * 1024)

/* A client that vanished without a word, or that never said one, is found out
 * after both together. */
#define KEEPALIVE_MS 60000
#define KEEPALIVE_TIMEOUT_MS 20000

/* Who has connected for TLS and not finished the handshake by then goes. */
#define HANDSHAKE_MS 10000

/* Clients may ping twice a second, on idle connections too, before gRPC takes
 * them for attackers. */
#define PING_INTERVAL_MIN_MS 500

/* Message bytes in flight over all connections: this many of the largest
 * ones, and a floor for servers of small ones. */
#define QUOTA_MESSAGES 16
#define QUOTA_MIN ((size_t)256 << 20)

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

size_t channel_args_quota(int max_message)
{
    size_t bytes = (size_t)max_message * QUOTA_MESSAGES;

    return bytes > QUOTA_MIN ? bytes : QUOTA_MIN;
}

static grpc_resource_quota *make_quota(int max_message)
{
    grpc_resource_quota *quota = grpc_resource_quota_create("vivarium");

    grpc_resource_quota_resize(quota, channel_args_quota(max_message));
    return quota;
}

grpc_server *channel_args_server(int max_message, int max_streams, const grpc_arg *more,
                                 size_t count)
{
    grpc_resource_quota *quota = make_quota(max_message);
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, max_message),
        integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, max_streams),
        integer(GRPC_ARG_MAX_METADATA_SIZE, METADATA_MAX),
        /* gRPC unpacks without a limit: a thousandfold of the largest message.
         * Whoever compresses is told UNIMPLEMENTED, and others know before. */
        integer(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MIN_MS),
        integer(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
        {.type = GRPC_ARG_POINTER,
         .key = GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {.p = quota, .vtable = grpc_resource_quota_arg_vtable()}},
    };
    enum { COUNT = sizeof(args) / sizeof(args[0]) };
    grpc_arg all[COUNT + CHANNEL_ARGS_MORE_MAX];
    grpc_channel_args list = {.num_args = COUNT + count, .args = all};
    grpc_server *server;

    memcpy(all, args, sizeof(args));
    if (count > 0)
        memcpy(all + COUNT, more, count * sizeof(*more));
    server = grpc_server_create(&list, NULL);

    grpc_resource_quota_unref(quota);
    return server;
}
