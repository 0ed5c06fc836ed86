#include "tests/bench/echo_server.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/service/channel_args.h"
#include "tests/bench/relay.h"

#define SLOTS 64

/* One place for a call, used again and again. */
struct echo {
    grpc_call *call; /* NULL: waits for one */
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    grpc_byte_buffer *message;
    int cancelled;
};

struct echo_server {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    void *method;
    bool relays;
    struct echo slots[SLOTS];
};

static void arm(struct echo_server *s, struct echo *e)
{
    grpc_metadata_array_init(&e->metadata);
    e->call = NULL;
    e->message = NULL;
    if (grpc_server_request_registered_call(s->grpc, s->method, &e->call, &e->deadline,
                                            &e->metadata, &e->message, s->queue, s->queue,
                                            e) != GRPC_CALL_OK)
        abort();
}

static void answer(struct echo *e)
{
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                      {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};

    ops[1].data.send_message.send_message = e->message;
    ops[3].data.recv_close_on_server.cancelled = &e->cancelled;
    if (grpc_call_start_batch(e->call, ops, 4, e, NULL) != GRPC_CALL_OK)
        abort();
}

static void send_on(struct echo *e)
{
    grpc_byte_buffer_reader reader;
    grpc_slice bytes;

    if (!grpc_byte_buffer_reader_init(&reader, e->message))
        abort();
    bytes = grpc_byte_buffer_reader_readall(&reader);
    relay_send(e, GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes));
    grpc_slice_unref(bytes);
    grpc_byte_buffer_reader_destroy(&reader);
}

static void came_back(void *arg, const void *data, size_t len)
{
    grpc_slice bytes = grpc_slice_from_copied_buffer(data, len);
    struct echo *e = arg;

    grpc_byte_buffer_destroy(e->message);
    e->message = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    answer(e);
}

static void release(struct echo *e)
{
    grpc_byte_buffer_destroy(e->message);
    grpc_metadata_array_destroy(&e->metadata);
    grpc_call_unref(e->call);
}

static _Noreturn void serve(struct echo_server *s)
{
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        struct echo *e = event.tag;

        /* A slot's tag comes twice: with a call, and when it is answered. */
        if (e->cancelled == -1) {
            e->cancelled = 0;
            if (s->relays)
                send_on(e);
            else
                answer(e);
            continue;
        }
        release(e);
        e->cancelled = -1;
        arm(s, e);
    }
}

_Noreturn void echo_server_run(const char *target, char *const through[], unsigned processes,
                               int ready_fd)
{
    static struct echo_server s;
    grpc_server_credentials *credentials;

    s.relays = through != NULL;
    if (s.relays)
        relay_start(through, processes, came_back);
    grpc_init();
    s.grpc = channel_args_server(64 << 20, 1024, NULL, 0);
    s.queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s.grpc, s.queue, NULL);
    s.method = grpc_server_register_method(s.grpc, ECHO_METHOD, NULL,
                                           GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    credentials = grpc_insecure_server_credentials_create();
    if (grpc_server_add_http2_port(s.grpc, target, credentials) == 0)
        abort();
    grpc_server_credentials_release(credentials);
    grpc_server_start(s.grpc);
    for (int i = 0; i < SLOTS; i++) {
        s.slots[i].cancelled = -1;
        arm(&s, &s.slots[i]);
    }
    if (write(ready_fd, "\n", 1) != 1)
        abort();
    serve(&s);
}
