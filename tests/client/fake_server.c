#include "tests/client/fake_server.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fake_server {
    grpc_server *server;
    grpc_completion_queue *notices; /* of the shutdown */
    fake_handler *handler;
    void *arg;
    struct lane {
        struct fake_server *owner;
        grpc_completion_queue *arrivals;
        pthread_t thread;
    } lanes[FAKE_THREADS];
};

/* A call and a queue of its own: every batch is waited for by its tag. */
struct fake_inside {
    grpc_call *call;
    grpc_completion_queue *cq;
    int cancelled;
    bool begun;
};

static gpr_timespec forever(void)
{
    return gpr_inf_future(GPR_CLOCK_MONOTONIC);
}

static bool run_op(struct fake_inside *in, const grpc_op *op)
{
    grpc_call_error result = grpc_call_start_batch(in->call, op, 1, (void *)op, NULL);

    assert(result == GRPC_CALL_OK);
    return grpc_completion_queue_pluck(in->cq, (void *)op, forever(), NULL).success;
}

static void receive(struct fake_call *call)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &buffer};
    grpc_byte_buffer_reader reader;
    grpc_slice all;

    if (!run_op(call->inside, &op) || !buffer || !grpc_byte_buffer_reader_init(&reader, buffer))
        return;
    all = grpc_byte_buffer_reader_readall(&reader);
    call->request_len = GRPC_SLICE_LENGTH(all);
    call->request = malloc(call->request_len + 1);
    memcpy(call->request, GRPC_SLICE_START_PTR(all), call->request_len);
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
}

static void begin_answer(struct fake_inside *in)
{
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};

    if (!in->begun)
        run_op(in, &op);
    in->begun = true;
}

bool fake_send_bytes(struct fake_call *call, const void *data, size_t len)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    bool sent;

    begin_answer(call->inside);
    sent = run_op(call->inside, &op);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
    return sent;
}

bool fake_send(struct fake_call *call, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(len + 1);
    bool sent;

    protobuf_c_message_pack(message, data);
    sent = fake_send_bytes(call, data, len);
    free(data);
    return sent;
}

void fake_finish(struct fake_call *call, grpc_status_code status, const char *text)
{
    grpc_slice details = grpc_slice_from_copied_string(text ? text : "");
    grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
                  .data.send_status_from_server = {.status = status, .status_details = &details}};

    begin_answer(call->inside);
    run_op(call->inside, &op);
    grpc_slice_unref(details);
}

void fake_wait_gone(struct fake_call *call)
{
    /* the batch that listens for it was started with the call */
    grpc_completion_queue_pluck(call->inside->cq, &call->inside->cancelled, forever(), NULL);
    call->inside->cq = NULL;
}

static char *find_tenant(const grpc_metadata_array *metadata)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (!grpc_slice_str_cmp(metadata->metadata[i].key, "vivarium-tenant"))
            return grpc_slice_to_c_string(metadata->metadata[i].value);
    return NULL;
}

static void handle(struct lane *lane, grpc_call *core_call, grpc_call_details *details,
                   grpc_metadata_array *metadata, grpc_completion_queue *cq)
{
    struct fake_inside inside = {.call = core_call, .cq = cq};
    grpc_op listen = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                      .data.recv_close_on_server.cancelled = &inside.cancelled};
    char *path = grpc_slice_to_c_string(details->method);
    struct fake_call call = {.method = strrchr(path, '/') + 1,
                             .tenant = find_tenant(metadata),
                             .arg = lane->owner->arg,
                             .inside = &inside};

    grpc_call_start_batch(core_call, &listen, 1, &inside.cancelled, NULL);
    receive(&call);
    lane->owner->handler(&call);
    if (inside.cq)
        fake_wait_gone(&call);
    grpc_call_unref(core_call);
    free(call.request);
    gpr_free(call.tenant);
    gpr_free(path);
}

/* One call after the other, until the server shuts down. */
static void *serve(void *arg)
{
    struct lane *lane = arg;
    grpc_completion_queue *cq = grpc_completion_queue_create_for_pluck(NULL);
    bool running = true;

    while (running) {
        grpc_call *call = NULL;
        grpc_call_details details;
        grpc_metadata_array metadata;

        grpc_call_details_init(&details);
        grpc_metadata_array_init(&metadata);
        running = grpc_server_request_call(lane->owner->server, &call, &details, &metadata, cq,
                                           lane->arrivals, lane) == GRPC_CALL_OK &&
                  grpc_completion_queue_next(lane->arrivals, forever(), NULL).success;
        if (running)
            handle(lane, call, &details, &metadata, cq);
        grpc_call_details_destroy(&details);
        grpc_metadata_array_destroy(&metadata);
    }
    grpc_completion_queue_shutdown(cq);
    grpc_completion_queue_destroy(cq);
    return NULL;
}

struct fake_server *fake_server_start(const char *target, fake_handler *handler, void *arg)
{
    struct fake_server *fake = calloc(1, sizeof(*fake));
    grpc_server_credentials *credentials;
    int port;

    grpc_init();
    fake->handler = handler;
    fake->arg = arg;
    fake->server = grpc_server_create(NULL, NULL);
    fake->notices = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(fake->server, fake->notices, NULL);
    for (int i = 0; i < FAKE_THREADS; i++) {
        fake->lanes[i].owner = fake;
        fake->lanes[i].arrivals = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(fake->server, fake->lanes[i].arrivals, NULL);
    }
    credentials = grpc_insecure_server_credentials_create();
    port = grpc_server_add_http2_port(fake->server, target, credentials);
    grpc_server_credentials_release(credentials);
    assert(port != 0);
    (void)port;
    grpc_server_start(fake->server);
    for (int i = 0; i < FAKE_THREADS; i++)
        pthread_create(&fake->lanes[i].thread, NULL, serve, &fake->lanes[i]);
    return fake;
}

static void drop_queue(grpc_completion_queue *cq)
{
    grpc_completion_queue_shutdown(cq);
    while (grpc_completion_queue_next(cq, forever(), NULL).type != GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(cq);
}

void fake_server_stop(struct fake_server *fake)
{
    grpc_server_shutdown_and_notify(fake->server, fake->notices, fake);
    grpc_server_cancel_all_calls(fake->server);
    for (int i = 0; i < FAKE_THREADS; i++)
        pthread_join(fake->lanes[i].thread, NULL);
    for (int i = 0; i < FAKE_THREADS; i++)
        drop_queue(fake->lanes[i].arrivals);
    drop_queue(fake->notices);
    grpc_server_destroy(fake->server);
    grpc_shutdown();
    free(fake);
}
