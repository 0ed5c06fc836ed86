/* One call on the C core, driven by the events of one completion queue.
 *
 *     connecting --ready--> called --all events in--> concluded --> finished
 *         ^  \--refused, given up----------------------/   |
 *         +------------- may be sent again ----------------+
 *
 * While it connects, no gRPC call exists: what fails there was never sent, and
 * that needs no reading of error texts. Started ones wait for that in the
 * client's line. All state is touched by the thread that takes the events, but
 * `mutex` guards what viv_rpc_cancel() looks at. */
#ifndef VIVARIUM_CLIENT_RPC_H
#define VIVARIUM_CLIENT_RPC_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"
#include "client/retry.h"

struct viv_rpc;

struct viv_rpc_method {
    const char *path; /* "/package.Service/Method" */
    bool streaming;
};

struct viv_rpc_handler {
    /* One message of the reply, as it came. -1 with `err` ends the call with
     * that error. */
    int (*message)(void *arg, const uint8_t *data, size_t len, struct viv_error *err);
    /* Only with viv_rpc_start(): the end, NULL: status OK. */
    void (*done)(void *arg, const struct viv_error *error);
    void *arg;
};

enum viv_rpc_event { VIV_RPC_CONNECT, VIV_RPC_MESSAGE, VIV_RPC_END, VIV_RPC_EVENTS, VIV_RPC_SENT };

/* What gRPC hands back. */
struct viv_rpc_tag {
    struct viv_rpc *rpc;
    enum viv_rpc_event event;
};

/* What is on its way out. gRPC says so when the socket has taken it, and no cancel or
 * deadline makes it say so earlier: where nobody reads the socket, the call ends
 * before. */
struct viv_rpc_sending {
    struct viv_rpc_tag tag; /* its rpc is NULL once that has ended */
    grpc_byte_buffer *message;
};

struct viv_rpc {
    struct viv_client *client;
    const struct viv_rpc_method *method;
    struct viv_rpc_handler handler;
    enum viv_retry_kind kind;
    grpc_slice request;
    gpr_timespec deadline;
    grpc_completion_queue *cq;
    struct viv_rpc_tag tags[VIV_RPC_EVENTS];
    struct viv_rpc *next, *prev; /* in client->started */
    TAILQ_ENTRY(viv_rpc) line;   /* of the client's */

    /* Of a started one: held by who takes a step, which is the client's thread,
     * and who starts it for the first. */
    pthread_mutex_t turn;

    pthread_mutex_t mutex;
    bool cancelled;
    grpc_call *call;

    unsigned attempt;
    gpr_timespec give_up; /* connecting goes on until then in any case */
    bool watched;         /* a connection attempt of this call's own was seen */
    bool in_line;
    bool settled;  /* this call has seen the connection stand */
    bool watching; /* the event CONNECT is outstanding */
    bool reading;  /* the event MESSAGE is outstanding */
    bool ended;    /* the event END is in */
    bool broken;   /* `error` is ours and comes before the status */
    bool finished;
    struct viv_error error;

    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    const char *core_error;
    struct viv_rpc_sending *sending; /* NULL: it is sent */
    grpc_byte_buffer *reply;
};

/* Packs `request`. `timeout_ns` counts from now. On success
 * viv_rpc_release() is due once it is finished. */
int viv_rpc_init(struct viv_rpc *rpc, struct viv_client *client,
                 const struct viv_rpc_method *method, enum viv_retry_kind kind,
                 const ProtobufCMessage *request, int64_t timeout_ns,
                 const struct viv_rpc_handler *handler, struct viv_error *err);
void viv_rpc_release(struct viv_rpc *rpc);

/* Runs it on this thread to its end. */
int viv_rpc_run(struct viv_rpc *rpc, struct viv_error *err);

/* Runs it on the client's thread. */
int viv_rpc_start(struct viv_rpc *rpc, struct viv_error *err);

/* From any thread, at any time before viv_rpc_release(). */
void viv_rpc_cancel(struct viv_rpc *rpc);

/* Takes VIV_RPC_SENT: any queue may bring it, also after the call's end. */
void viv_rpc_sent(const struct viv_rpc_tag *tag);

/* What the client's thread does with each event. */
void viv_rpc_handle(const struct viv_rpc_tag *tag, bool success);

#endif
