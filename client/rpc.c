#include "client/rpc.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdlib.h>

#include "client/rpc_call.h"
#include "client/target.h"

/* A wait for a connection looks this often whether it was cancelled. */
#define LOOK_NS 100000000LL

#define CLOSED_LOOKS 4

static gpr_timespec in_ns(int64_t ns)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(ns, GPR_TIMESPAN));
}

static bool has_passed(gpr_timespec point)
{
    return gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), point) >= 0;
}

/* ---- making one ---- */

static int pack(struct viv_rpc *rpc, const ProtobufCMessage *request, struct viv_error *err)
{
    uint64_t cap = rpc->client->options.send_bytes_max;
    size_t size = protobuf_c_message_get_packed_size(request);

    if (size > cap)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                        "the request has %zu bytes, this client sends at most %llu", size,
                        (unsigned long long)cap);
    rpc->request = grpc_slice_malloc(size);
    protobuf_c_message_pack(request, GRPC_SLICE_START_PTR(rpc->request));
    return 0;
}

int viv_rpc_init(struct viv_rpc *rpc, struct viv_client *client,
                 const struct viv_rpc_method *method, enum viv_retry_kind kind,
                 const ProtobufCMessage *request, int64_t timeout_ns,
                 const struct viv_rpc_handler *handler, struct viv_error *err)
{
    if (timeout_ns < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the call's timeout is negative");
    *rpc = (struct viv_rpc){
        .client = client, .method = method, .kind = kind, .handler = *handler, .attempt = 1};
    if (pack(rpc, request, err))
        return -1;
    rpc->deadline = in_ns(timeout_ns);
    rpc->give_up = in_ns(client->options.connect_wait_ns);
    for (int i = 0; i < VIV_RPC_EVENTS; i++)
        rpc->tags[i] = (struct viv_rpc_tag){rpc, (enum viv_rpc_event)i};
    pthread_mutex_init(&rpc->mutex, NULL);
    pthread_mutex_init(&rpc->turn, NULL);
    return 0;
}

void viv_rpc_release(struct viv_rpc *rpc)
{
    grpc_slice_unref(rpc->request);
    pthread_mutex_destroy(&rpc->turn);
    pthread_mutex_destroy(&rpc->mutex);
}

void viv_rpc_cancel(struct viv_rpc *rpc)
{
    pthread_mutex_lock(&rpc->mutex);
    rpc->cancelled = true;
    if (rpc->call)
        grpc_call_cancel(rpc->call, NULL);
    pthread_mutex_unlock(&rpc->mutex);
}

bool viv_rpc_is_cancelled(struct viv_rpc *rpc)
{
    bool cancelled;

    pthread_mutex_lock(&rpc->mutex);
    cancelled = rpc->cancelled;
    pthread_mutex_unlock(&rpc->mutex);
    return cancelled;
}

/* ---- the end ---- */

static void finish(struct viv_rpc *rpc)
{
    rpc->finished = true;
}

static void finish_cancelled(struct viv_rpc *rpc)
{
    viv_fail(&rpc->error, VIV_CANCELLED, VIV_RPC_CANCELLED);
    finish(rpc);
}

static void finish_late(struct viv_rpc *rpc, const char *what)
{
    viv_fail(&rpc->error, VIV_DEADLINE_EXCEEDED, "%s %s within the call's timeout", what,
             rpc->client->target);
    finish(rpc);
}

static void watch(struct viv_rpc *rpc, grpc_connectivity_state state, int64_t at_most_ns)
{
    gpr_timespec until = gpr_time_min(in_ns(at_most_ns), rpc->deadline);

    rpc->watching = true;
    grpc_channel_watch_connectivity_state(rpc->client->channel, state, until, rpc->cq,
                                          &rpc->tags[VIV_RPC_CONNECT]);
}

static bool try_again(struct viv_rpc *rpc, enum viv_retry_evidence evidence)
{
    if (rpc->attempt >= rpc->client->options.attempts ||
        !viv_retry_allowed(rpc->kind, VIV_UNAVAILABLE, evidence))
        return false;
    rpc->attempt++;
    return true;
}

static void conclude(struct viv_rpc *rpc)
{
    grpc_connectivity_state state;

    if (!rpc->broken) {
        viv_rpc_call_take_status(rpc);
        if (!rpc->method->streaming && rpc->status == GRPC_STATUS_OK)
            viv_rpc_call_deliver(rpc);
    }
    viv_rpc_call_drop(rpc);
    if (rpc->error.status != VIV_UNAVAILABLE || rpc->broken || viv_rpc_is_cancelled(rpc) ||
        !try_again(rpc, VIV_RETRY_MAY_BE_SENT)) {
        finish(rpc);
        return;
    }
    state = grpc_channel_check_connectivity_state(rpc->client->channel, 1);
    watch(rpc, state, viv_retry_delay_ns(rpc->attempt));
}

/* ---- connecting ---- */

/* The channel says that connecting failed. It may say so from long ago: then
 * it gets a push and this call's first look does not count. */
static void refused(struct viv_rpc *rpc)
{
    grpc_channel *channel = rpc->client->channel;

    if (!rpc->watched) {
        rpc->watched = true;
        grpc_channel_reset_connect_backoff(channel);
        watch(rpc, GRPC_CHANNEL_TRANSIENT_FAILURE, LOOK_NS);
    } else if (!has_passed(rpc->give_up)) {
        watch(rpc, GRPC_CHANNEL_TRANSIENT_FAILURE, LOOK_NS);
    } else if (try_again(rpc, VIV_RETRY_NEVER_SENT)) {
        grpc_channel_reset_connect_backoff(channel);
        watch(rpc, GRPC_CHANNEL_TRANSIENT_FAILURE, viv_retry_delay_ns(rpc->attempt));
    } else {
        viv_target_trouble(rpc->client->target, &rpc->error);
        finish(rpc);
    }
}

/* gRPC calls a channel ready a moment before calls go through, and what begins in
 * that moment it sends last come, first served. An event of a watch comes after
 * that moment, if the watch began when the channel was ready. */
static void ready(struct viv_rpc *rpc)
{
    struct viv_client *client = rpc->client;

    if (!rpc->in_line) {
        viv_rpc_call_begin(rpc);
    } else if (rpc->settled || atomic_load(&client->standing)) {
        atomic_store(&client->standing, true);
        viv_line_begin(&client->line);
    } else {
        rpc->settled = true;
        watch(rpc, GRPC_CHANNEL_SHUTDOWN, LOOK_NS);
    }
}

static void connect_step(struct viv_rpc *rpc)
{
    grpc_connectivity_state state;

    rpc->watching = false;
    if (rpc->call) /* begun by the event of another one in the line */
        return;
    if (viv_rpc_is_cancelled(rpc)) {
        finish_cancelled(rpc);
        return;
    }
    if (has_passed(rpc->deadline)) {
        finish_late(rpc, "no connection to");
        return;
    }
    state = grpc_channel_check_connectivity_state(rpc->client->channel, 1);
    if (state == GRPC_CHANNEL_READY) {
        ready(rpc);
        return;
    }
    atomic_store(&rpc->client->standing, false);
    rpc->settled = false;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        refused(rpc);
    } else {
        rpc->watched = true;
        watch(rpc, state, LOOK_NS);
    }
}

/* ---- events ---- */

static void message_step(struct viv_rpc *rpc, bool success)
{
    rpc->reading = false;
    if (!success || !rpc->reply)
        return;
    viv_rpc_call_deliver(rpc);
    grpc_byte_buffer_destroy(rpc->reply);
    rpc->reply = NULL;
    if (rpc->broken)
        grpc_call_cancel(rpc->call, NULL);
    else
        rpc->reading = viv_rpc_call_read_next(rpc, false);
}

void viv_rpc_sent(const struct viv_rpc_tag *tag)
{
    struct viv_rpc_sending *sending = (struct viv_rpc_sending *)tag;

    if (tag->rpc)
        tag->rpc->sending = NULL;
    grpc_byte_buffer_destroy(sending->message);
    free(sending);
}

static void step(struct viv_rpc *rpc, enum viv_rpc_event event, bool success)
{
    if (event == VIV_RPC_CONNECT)
        connect_step(rpc);
    else if (event == VIV_RPC_MESSAGE)
        message_step(rpc, success);
    else
        rpc->ended = true;
    if (rpc->call && rpc->ended && !rpc->reading && !rpc->watching)
        conclude(rpc);
}

/* While no thread waits for a call, nobody reads the connection, and a channel
 * whose supervisor has gone still calls itself ready. A request that went that
 * way might have been sent, so it could not be sent again. Each look takes one
 * event. */
static void hear_of_closed_connections(grpc_completion_queue *cq)
{
    /* Not the present: gRPC rounds what is left of it up to a millisecond. */
    gpr_timespec past = gpr_inf_past(GPR_CLOCK_MONOTONIC);

    for (int i = 0; i < CLOSED_LOOKS; i++) {
        grpc_event event = grpc_completion_queue_next(cq, past, NULL);

        if (event.type == GRPC_OP_COMPLETE)
            viv_rpc_sent(event.tag);
    }
}

int viv_rpc_run(struct viv_rpc *rpc, struct viv_error *err)
{
    gpr_timespec forever = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    const struct viv_rpc_tag *tag;
    grpc_event event;

    rpc->cq = viv_client_borrow_queue(rpc->client);
    if (viv_client_call_begins(rpc->client))
        hear_of_closed_connections(rpc->cq);
    step(rpc, VIV_RPC_CONNECT, true);
    while (!rpc->finished) {
        event = grpc_completion_queue_next(rpc->cq, forever, NULL);
        tag = event.tag;
        if (tag->event == VIV_RPC_SENT)
            viv_rpc_sent(tag);
        else
            step(rpc, tag->event, event.success);
    }
    viv_client_call_ends(rpc->client);
    viv_client_return_queue(rpc->client, rpc->cq);
    if (rpc->error.status == VIV_OK)
        return 0;
    if (err)
        *err = rpc->error;
    return -1;
}

static bool stands(struct viv_client *client)
{
    return atomic_load(&client->standing) &&
           grpc_channel_check_connectivity_state(client->channel, 0) == GRPC_CHANNEL_READY;
}

/* On a connection that stands, the call itself is the first step: an event to
 * begin with would be a way through gRPC for nothing. Else it waits in the line.
 * False: no event will come of itself, and this one is missing. */
static bool begin_at_once(struct viv_rpc *rpc, enum viv_rpc_event *ret_missing)
{
    struct viv_client *client = rpc->client;
    bool comes = false;

    pthread_mutex_lock(&rpc->turn);
    *ret_missing = VIV_RPC_END;
    if (viv_line_join(&client->line, rpc, stands(client))) {
        rpc->watching = true;
        *ret_missing = VIV_RPC_CONNECT;
    } else {
        viv_rpc_call_begin(rpc);
        comes = !rpc->ended;
    }
    pthread_mutex_unlock(&rpc->turn);
    return comes;
}

int viv_rpc_start(struct viv_rpc *rpc, struct viv_error *err)
{
    struct viv_client *client = rpc->client;
    enum viv_rpc_event missing;

    if (viv_client_enter(client, rpc, err))
        return -1;
    if (viv_client_call_begins(client)) {
        grpc_completion_queue *own = viv_client_borrow_queue(client);

        hear_of_closed_connections(own);
        viv_client_return_queue(client, own);
    }
    if (!begin_at_once(rpc, &missing))
        grpc_channel_watch_connectivity_state(client->channel, GRPC_CHANNEL_SHUTDOWN,
                                              gpr_inf_past(GPR_CLOCK_MONOTONIC), rpc->cq,
                                              &rpc->tags[missing]);
    return 0;
}

void viv_rpc_handle(const struct viv_rpc_tag *tag, bool success)
{
    struct viv_rpc *rpc = tag->rpc;
    struct viv_client *client;
    bool finished;

    if (tag->event == VIV_RPC_SENT) {
        viv_rpc_sent(tag);
        return;
    }
    client = rpc->client;
    pthread_mutex_lock(&rpc->turn);
    step(rpc, tag->event, success);
    finished = rpc->finished;
    pthread_mutex_unlock(&rpc->turn);
    if (!finished)
        return;
    if (rpc->in_line)
        viv_line_leave(&client->line, rpc);
    viv_client_call_ends(client);
    rpc->handler.done(rpc->handler.arg, rpc->error.status == VIV_OK ? NULL : &rpc->error);
}
