#include "tests/service/rpc.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rpc_call {
    grpc_call *call;
    grpc_completion_queue *queue; /* its own: any number of calls may wait */
    grpc_byte_buffer *message;
    grpc_metadata metadata[3];
    size_t metadata_count;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
};

#define TAG_SENT ((void *)1)
#define TAG_HEADERS ((void *)2)
#define TAG_STATUS ((void *)3)
#define TAG_MESSAGE ((void *)4)
#define TAG_CLOSED ((void *)5)

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

/* Takes the credentials. */
static grpc_channel *open_channel(const char *target, grpc_compression_algorithm compression,
                                  grpc_channel_credentials *credentials)
{
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        integer(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, (int)compression),
    };
    grpc_channel_args list = {.num_args = 3, .args = args};
    grpc_channel *channel = grpc_channel_create(target, credentials, &list);

    grpc_channel_credentials_release(credentials);
    return channel;
}

grpc_channel *rpc_open(const char *target)
{
    return open_channel(target, GRPC_COMPRESS_NONE, grpc_insecure_credentials_create());
}

grpc_channel *rpc_open_compressed(const char *target)
{
    return open_channel(target, GRPC_COMPRESS_GZIP, grpc_insecure_credentials_create());
}

/* The caller frees it. */
static char *read_pem(const char *folder, const char *name, const char *kind)
{
    char path[256], *text = calloc(1, 16384);
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
    f = fopen(path, "re");
    if (!f || fread(text, 1, 16383, f) == 0)
        abort();
    fclose(f);
    return text;
}

grpc_channel *rpc_open_tls(const char *target, const char *folder, const char *authority,
                           const char *client)
{
    char *ca = read_pem(folder, authority, "pem");
    char *key = client ? read_pem(folder, client, "key") : NULL;
    char *cert = client ? read_pem(folder, client, "pem") : NULL;
    grpc_ssl_pem_key_cert_pair pair = {key, cert};
    grpc_channel *channel =
        open_channel(target, GRPC_COMPRESS_NONE,
                     grpc_ssl_credentials_create(ca, client ? &pair : NULL, NULL, NULL));

    free(ca);
    free(key);
    free(cert);
    return channel;
}

static bool wait_tag(struct rpc_call *c, void *tag)
{
    grpc_event event =
        grpc_completion_queue_pluck(c->queue, tag, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

    return event.type == GRPC_OP_COMPLETE && event.success;
}

static void start(struct rpc_call *c, const grpc_op *ops, size_t count, void *tag)
{
    if (grpc_call_start_batch(c->call, ops, count, tag, NULL) != GRPC_CALL_OK)
        abort();
}

static void start_receiving(struct rpc_call *c)
{
    grpc_op headers = {.op = GRPC_OP_RECV_INITIAL_METADATA};
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

    headers.data.recv_initial_metadata.recv_initial_metadata = &c->initial;
    status.data.recv_status_on_client.trailing_metadata = &c->trailing;
    status.data.recv_status_on_client.status = &c->status;
    status.data.recv_status_on_client.status_details = &c->details;
    start(c, &headers, 1, TAG_HEADERS);
    start(c, &status, 1, TAG_STATUS);
}

static void add_metadata(struct rpc_call *c, const char *key, const char *value)
{
    if (!value)
        return;
    c->metadata[c->metadata_count].key = grpc_slice_from_static_string(key);
    c->metadata[c->metadata_count++].value = grpc_slice_from_copied_string(value);
}

static void send_request(struct rpc_call *c, const void *data, size_t len,
                         struct rpc_options options)
{
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}};
    grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);

    grpc_slice_unref(slice);
    add_metadata(c, "vivarium-tenant", options.tenant);
    add_metadata(c, "authorization", options.authorization);
    add_metadata(c, "traceparent", options.traceparent);
    ops[0].data.send_initial_metadata.count = c->metadata_count;
    ops[0].data.send_initial_metadata.metadata = c->metadata;
    ops[1].data.send_message.send_message = buffer;
    start(c, ops, options.open ? 2 : 3, TAG_SENT);
    start_receiving(c);
    wait_tag(c, TAG_SENT);
    for (size_t i = 0; i < c->metadata_count; i++)
        grpc_slice_unref(c->metadata[i].value);
    grpc_byte_buffer_destroy(buffer);
}

struct rpc_call *rpc_start_bytes(grpc_channel *channel, const char *method, const void *data,
                                 size_t len, struct rpc_options options)
{
    struct rpc_call *c = calloc(1, sizeof(*c));
    grpc_slice name = grpc_slice_from_copied_string(method);
    gpr_timespec deadline = gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC),
        gpr_time_from_millis(options.deadline_ms ? options.deadline_ms : 30000, GPR_TIMESPAN));

    c->queue = grpc_completion_queue_create_for_pluck(NULL);
    c->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->queue, name, NULL,
                                       deadline, NULL);
    grpc_slice_unref(name);
    grpc_metadata_array_init(&c->initial);
    grpc_metadata_array_init(&c->trailing);
    send_request(c, data, len, options);
    return c;
}

struct rpc_call *rpc_start(grpc_channel *channel, const char *method,
                           const ProtobufCMessage *request, struct rpc_options options)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *data = malloc(len + 1);
    struct rpc_call *c;

    protobuf_c_message_pack(request, data);
    c = rpc_start_bytes(channel, method, data, len, options);
    free(data);
    return c;
}

bool rpc_read(struct rpc_call *c, uint8_t **ret_data, size_t *ret_len)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    grpc_byte_buffer_reader reader;
    grpc_slice all;

    op.data.recv_message.recv_message = &c->message;
    start(c, &op, 1, TAG_MESSAGE);
    wait_tag(c, TAG_MESSAGE);
    if (!c->message)
        return false;
    grpc_byte_buffer_reader_init(&reader, c->message);
    all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    *ret_len = GRPC_SLICE_LENGTH(all);
    *ret_data = malloc(*ret_len + 1);
    memcpy(*ret_data, GRPC_SLICE_START_PTR(all), *ret_len);
    grpc_slice_unref(all);
    grpc_byte_buffer_destroy(c->message);
    c->message = NULL;
    return true;
}

ProtobufCMessage *rpc_read_message(struct rpc_call *c, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message;
    uint8_t *data;
    size_t len;

    if (!rpc_read(c, &data, &len))
        return NULL;
    message = protobuf_c_message_unpack(descriptor, NULL, len, data);
    free(data);
    if (!message)
        abort();
    return message;
}

void rpc_cancel(struct rpc_call *c)
{
    grpc_call_cancel(c->call, NULL);
}

void rpc_half_close(struct rpc_call *c)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    start(c, &op, 1, TAG_CLOSED);
    wait_tag(c, TAG_CLOSED);
}

int rpc_end(struct rpc_call *c, char text[RPC_TEXT_MAX])
{
    int status;

    wait_tag(c, TAG_STATUS);
    wait_tag(c, TAG_HEADERS);
    status = (int)c->status;
    if (text) {
        size_t len = GRPC_SLICE_LENGTH(c->details);

        len = len < RPC_TEXT_MAX ? len : RPC_TEXT_MAX - 1;
        memcpy(text, GRPC_SLICE_START_PTR(c->details), len);
        text[len] = '\0';
    }
    grpc_slice_unref(c->details);
    grpc_metadata_array_destroy(&c->initial);
    grpc_metadata_array_destroy(&c->trailing);
    grpc_call_unref(c->call);
    grpc_completion_queue_shutdown(c->queue);
    grpc_completion_queue_destroy(c->queue);
    free(c);
    return status;
}

int rpc_unary(grpc_channel *channel, const char *method, const ProtobufCMessage *request,
              const ProtobufCMessageDescriptor *response_type, struct rpc_options options,
              ProtobufCMessage **ret_response, char text[RPC_TEXT_MAX])
{
    struct rpc_call *c = rpc_start(channel, method, request, options);
    ProtobufCMessage *response = rpc_read_message(c, response_type);
    int status = rpc_end(c, text);

    if (status == GRPC_STATUS_OK)
        *ret_response = response;
    else if (response)
        protobuf_c_message_free_unpacked(response, NULL);
    return status;
}
