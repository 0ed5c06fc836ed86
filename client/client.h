/* A client's inside: one channel, completion queues to lend, and one thread for
 * the calls that nobody waits for. */
#ifndef VIVARIUM_CLIENT_CLIENT_H
#define VIVARIUM_CLIENT_CLIENT_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "client/credentials.h"
#include "client/line.h"
#include "client/target.h"
#include "client/vivarium_client.h"

struct viv_rpc;

/* More threads at a time than this make and drop a queue for each call. */
#define VIV_CLIENT_SPARE_QUEUES 16

struct viv_client {
    grpc_channel *channel;
    char target[VIV_TARGET_MAX];
    struct viv_client_options options; /* complete: no field means "default" */
    char tenant[VIV_TARGET_MAX];       /* "": none */
    struct viv_credentials credentials;

    atomic_uint under_way;    /* calls */
    _Atomic int64_t quiet_ns; /* since when there have been none */
    atomic_bool standing;     /* when last seen, calls went out in the order in which they began */
    struct viv_line line;     /* of those that wait until it stands */

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t idle;   /* `started` has become empty */
    grpc_completion_queue *spare[VIV_CLIENT_SPARE_QUEUES];
    unsigned spare_count;
    grpc_completion_queue *queue; /* the thread's; NULL: not started */
    pthread_t thread;
    struct viv_rpc *started; /* those that run on the thread */
    bool closing;
};

/* A queue that no other thread uses, or NULL never; give it back empty, but for
 * VIV_RPC_SENT, which the next one may find on it. One queue for each blocking call:
 * gRPC admits few threads on one. */
grpc_completion_queue *viv_client_borrow_queue(struct viv_client *client);
void viv_client_return_queue(struct viv_client *client, grpc_completion_queue *queue);

/* True: there has been none for some time. */
bool viv_client_call_begins(struct viv_client *client);
void viv_client_call_ends(struct viv_client *client);

/* Starts the thread at its first use and enters `rpc` into `started`. */
int viv_client_enter(struct viv_client *client, struct viv_rpc *rpc, struct viv_error *err);

/* Takes `rpc` out again. The client may be gone when this returns. */
void viv_client_leave(struct viv_client *client, struct viv_rpc *rpc);

#endif
