#include "client/rpc_call.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "internal/call_status.pb-c.h"

/* No server means to be asked again in longer. */
#define RETRY_MAX_S 86400

static grpc_op *add_op(grpc_op *ops, size_t *count, grpc_op_type type)
{
    grpc_op *op = &ops[(*count)++];

    memset(op, 0, sizeof(*op));
    op->op = type;
    return op;
}

/* The value is a copy: what is being sent may outlive the client. */
static void add_metadata(grpc_op *op, const char *key, const char *value)
{
    grpc_metadata *m =
        &op->data.send_initial_metadata.metadata[op->data.send_initial_metadata.count];

    if (!value)
        return;
    m->key = grpc_slice_from_static_string(key);
    m->value = grpc_slice_from_copied_string(value);
    op->data.send_initial_metadata.count++;
}

static void add_sends(struct viv_rpc *rpc, grpc_op *ops, size_t *count, grpc_metadata *metadata,
                      grpc_byte_buffer *message)
{
    grpc_op *op = add_op(ops, count, GRPC_OP_SEND_INITIAL_METADATA);

    op->data.send_initial_metadata.metadata = metadata;
    add_metadata(op, "vivarium-tenant", *rpc->client->tenant ? rpc->client->tenant : NULL);
    add_metadata(op, "authorization", rpc->client->credentials.authorization);
    add_op(ops, count, GRPC_OP_SEND_MESSAGE)->data.send_message.send_message = message;
    add_op(ops, count, GRPC_OP_SEND_CLOSE_FROM_CLIENT);
}

static void add_receives(struct viv_rpc *rpc, grpc_op *ops, size_t *count, bool first)
{
    if (first)
        add_op(ops, count, GRPC_OP_RECV_INITIAL_METADATA)
            ->data.recv_initial_metadata.recv_initial_metadata = &rpc->initial;
    add_op(ops, count, GRPC_OP_RECV_MESSAGE)->data.recv_message.recv_message = &rpc->reply;
}

static void add_status(struct viv_rpc *rpc, grpc_op *ops, size_t *count)
{
    grpc_op *op = add_op(ops, count, GRPC_OP_RECV_STATUS_ON_CLIENT);

    op->data.recv_status_on_client.trailing_metadata = &rpc->trailing;
    op->data.recv_status_on_client.status = &rpc->status;
    op->data.recv_status_on_client.status_details = &rpc->details;
    op->data.recv_status_on_client.error_string = &rpc->core_error;
}

bool viv_rpc_call_read_next(struct viv_rpc *rpc, bool first)
{
    grpc_op ops[2];
    size_t count = 0;

    add_receives(rpc, ops, &count, first);
    return grpc_call_start_batch(rpc->call, ops, count, &rpc->tags[VIV_RPC_MESSAGE], NULL) ==
           GRPC_CALL_OK;
}

static struct viv_rpc_sending *new_sending(struct viv_rpc *rpc)
{
    struct viv_rpc_sending *sending = malloc(sizeof(*sending));

    if (sending)
        *sending = (struct viv_rpc_sending){{rpc, VIV_RPC_SENT},
                                            grpc_raw_byte_buffer_create(&rpc->request, 1)};
    return sending;
}

static grpc_call_error start_sending(struct viv_rpc *rpc)
{
    grpc_op ops[3];
    size_t count = 0;
    grpc_metadata metadata[2] = {0};
    struct viv_rpc_sending *sending = new_sending(rpc);
    grpc_call_error result;

    if (!sending)
        return GRPC_CALL_ERROR;
    add_sends(rpc, ops, &count, metadata, sending->message);
    rpc->sending = sending;
    result = grpc_call_start_batch(rpc->call, ops, count, &sending->tag, NULL);
    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++)
        grpc_slice_unref(metadata[i].value);
    if (result != GRPC_CALL_OK)
        viv_rpc_sent(&sending->tag);
    return result;
}

static grpc_call_error start_receiving(struct viv_rpc *rpc)
{
    grpc_op ops[3];
    size_t count = 0;

    if (!rpc->method->streaming)
        add_receives(rpc, ops, &count, true);
    add_status(rpc, ops, &count);
    return grpc_call_start_batch(rpc->call, ops, count, &rpc->tags[VIV_RPC_END], NULL);
}

static void start_batches(struct viv_rpc *rpc)
{
    grpc_call_error result = start_sending(rpc);

    if (result == GRPC_CALL_OK)
        result = start_receiving(rpc);
    if (result != GRPC_CALL_OK) {
        rpc->ended = rpc->broken = true;
        viv_fail(&rpc->error, VIV_INTERNAL, "gRPC refused the call: %s",
                 grpc_call_error_to_string(result));
        return;
    }
    rpc->reading = rpc->method->streaming && viv_rpc_call_read_next(rpc, true);
}

void viv_rpc_call_begin(struct viv_rpc *rpc)
{
    grpc_slice path = grpc_slice_from_static_string(rpc->method->path);
    grpc_call *call = grpc_channel_create_call(rpc->client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               rpc->cq, path, NULL, rpc->deadline, NULL);

    grpc_metadata_array_init(&rpc->initial);
    grpc_metadata_array_init(&rpc->trailing);
    rpc->details = grpc_empty_slice();
    rpc->core_error = NULL;
    rpc->reply = NULL;
    rpc->ended = false;
    pthread_mutex_lock(&rpc->mutex);
    rpc->call = call;
    if (rpc->cancelled)
        grpc_call_cancel(call, NULL);
    pthread_mutex_unlock(&rpc->mutex);
    start_batches(rpc);
}

void viv_rpc_call_drop(struct viv_rpc *rpc)
{
    grpc_call *call = rpc->call;

    pthread_mutex_lock(&rpc->mutex);
    rpc->call = NULL;
    pthread_mutex_unlock(&rpc->mutex);
    grpc_call_unref(call);
    if (rpc->sending)
        rpc->sending->tag.rpc = NULL;
    rpc->sending = NULL;
    if (rpc->reply)
        grpc_byte_buffer_destroy(rpc->reply);
    rpc->reply = NULL;
    grpc_metadata_array_destroy(&rpc->initial);
    grpc_metadata_array_destroy(&rpc->trailing);
    grpc_slice_unref(rpc->details);
    gpr_free((void *)rpc->core_error);
}

/* ---- what came ---- */

/* gRPC's numbers are ours, but for three that this service never uses. */
static enum viv_status status_of(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_ABORTED:
    case GRPC_STATUS_OUT_OF_RANGE:
    case GRPC_STATUS_DATA_LOSS:
        return VIV_UNKNOWN;
    default:
        return code < GRPC_STATUS_OK || code > GRPC_STATUS_UNAUTHENTICATED ? VIV_UNKNOWN
                                                                           : (enum viv_status)code;
    }
}

static int64_t delay_of(const Vivarium__Service__RpcDetail *detail)
{
    Vivarium__Service__RpcRetryInfo *info;
    int64_t ns = 0;

    if (strcmp(detail->type_url, "type.googleapis.com/google.rpc.RetryInfo") != 0)
        return 0;
    info = vivarium__service__rpc_retry_info__unpack(NULL, detail->value.len, detail->value.data);
    if (info && info->retry_delay && info->retry_delay->seconds >= 0 &&
        info->retry_delay->seconds < RETRY_MAX_S && info->retry_delay->nanos >= 0)
        ns = info->retry_delay->seconds * INT64_C(1000000000) + info->retry_delay->nanos;
    vivarium__service__rpc_retry_info__free_unpacked(info, NULL);
    return ns;
}

/* When to come again, as google.rpc.RetryInfo says it; 0: it doesn't. */
static int64_t read_retry(const struct viv_rpc *rpc)
{
    Vivarium__Service__RpcStatus *status = NULL;
    int64_t ns = 0;

    for (size_t i = 0; i < rpc->trailing.count && !status; i++) {
        const grpc_metadata *m = &rpc->trailing.metadata[i];

        if (grpc_slice_str_cmp(m->key, "grpc-status-details-bin") == 0)
            status = vivarium__service__rpc_status__unpack(NULL, GRPC_SLICE_LENGTH(m->value),
                                                           GRPC_SLICE_START_PTR(m->value));
    }
    for (size_t i = 0; status && i < status->n_details && ns == 0; i++)
        ns = delay_of(status->details[i]);
    vivarium__service__rpc_status__free_unpacked(status, NULL);
    return ns;
}

void viv_rpc_call_take_status(struct viv_rpc *rpc)
{
    size_t len = GRPC_SLICE_LENGTH(rpc->details);

    rpc->error.status = VIV_OK;
    if (rpc->status == GRPC_STATUS_OK)
        return;
    viv_fail(&rpc->error, status_of(rpc->status), "%.*s", (int)len,
             (const char *)GRPC_SLICE_START_PTR(rpc->details));
    viv_retry_after(&rpc->error, read_retry(rpc));
    if (rpc->status == GRPC_STATUS_CANCELLED && viv_rpc_is_cancelled(rpc))
        viv_fail(&rpc->error, VIV_CANCELLED, VIV_RPC_CANCELLED);
    else if (!len)
        viv_fail(&rpc->error, status_of(rpc->status), "gRPC status %d without a text",
                 (int)rpc->status);
}

static int read_reply(struct viv_rpc *rpc)
{
    grpc_byte_buffer_reader reader;
    grpc_slice all;
    int result;

    if (!rpc->reply)
        return viv_fail(&rpc->error, VIV_INTERNAL, "status OK came without an answer");
    if (!grpc_byte_buffer_reader_init(&reader, rpc->reply))
        return viv_fail(&rpc->error, VIV_INTERNAL, "an answer came that can't be decompressed");
    all = grpc_byte_buffer_reader_readall(&reader);
    result = rpc->handler.message(rpc->handler.arg, GRPC_SLICE_START_PTR(all),
                                  GRPC_SLICE_LENGTH(all), &rpc->error);
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    return result;
}

/* Hands the message to the caller; a message that is refused ends the call. */
void viv_rpc_call_deliver(struct viv_rpc *rpc)
{
    if (read_reply(rpc))
        rpc->broken = true;
}
