#include "supervisor/service/call.h"

#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include "supervisor/service/answers.h"
#include "supervisor/service/log.h"
#include "supervisor/service/server.h"
#include "supervisor/service/status.h"

/* What a small message costs beside its bytes. */
#define MESSAGE_OVERHEAD 256

struct call_message {
    struct call_message *next;
    grpc_byte_buffer *buffer;
    size_t cost;
};

struct call *call_new(struct call_slot *slot)
{
    struct call *call = gpr_zalloc(sizeof(*call));

    call->slot = slot;
    grpc_metadata_array_init(&call->metadata);
    grpc_call_details_init(&call->details);
    call->status_text = grpc_empty_slice();
    call->details_metadata.key = grpc_slice_from_static_string(STATUS_DETAILS_KEY);
    call->details_metadata.value = grpc_empty_slice();
    call->last = &call->first;
    for (int i = 0; i < CALL_EVENTS; i++)
        call->tags[i] = (struct call_tag){call, (enum call_event)i};
    atomic_init(&call->refs, 1);
    pthread_mutex_init(&call->lock, NULL);
    return call;
}

void call_ref(struct call *call)
{
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

static void drop_queue(struct call *call)
{
    while (call->first) {
        struct call_message *m = call->first;

        call->first = m->next;
        grpc_byte_buffer_destroy(m->buffer);
        gpr_free(m);
    }
    call->last = &call->first;
    call->queued = 0;
}

static void destroy(struct call *call)
{
    struct call_slot *slot = call->slot;
    bool accepted = call->grpc != NULL;
    int status = call->finishing ? (int)call->status : VIV_CANCELLED;

    if (call->held)
        answers_drop(server_answers(slot), call->identity.tenant, call->held_bytes);
    drop_queue(call);
    if (call->message)
        grpc_byte_buffer_destroy(call->message);
    grpc_slice_unref(call->status_text);
    grpc_slice_unref(call->details_metadata.value);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_call_details_destroy(&call->details);
    if (accepted) {
        admission_left(call); /* before another connection can have the name of this one */
        grpc_call_unref(call->grpc);
    }
    pthread_mutex_destroy(&call->lock);
    gpr_free(call->audit);
    gpr_free(call);
    if (accepted)
        server_call_ended(slot, status);
}

void call_unref(struct call *call)
{
    if (call && atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) == 1)
        destroy(call);
}

void call_read_trace(struct call *call)
{
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *m = &call->metadata.metadata[i];

        if (grpc_slice_str_cmp(m->key, TRACE_PARENT_KEY) == 0 &&
            trace_parent((const char *)GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value),
                         call->traceparent))
            return;
    }
}

void call_forget_metadata(struct call *call)
{
    grpc_metadata_array_destroy(&call->metadata);
    grpc_metadata_array_init(&call->metadata);
}

/* Starts a batch that holds a reference until its tag comes back. */
static bool start(struct call *call, const grpc_op *ops, size_t count, enum call_event event)
{
    grpc_call_error error;

    call_ref(call);
    error = grpc_call_start_batch(call->grpc, ops, count, &call->tags[event], NULL);
    if (error == GRPC_CALL_OK)
        return true;
    log_event(LOG_LEVEL_ERROR, "batch_refused", LOG_TEXT("error", grpc_call_error_to_string(error)),
              LOG_NUMBER("batch", event));
    call_unref(call);
    return false;
}

void call_watch_close(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};

    op.data.recv_close_on_server.cancelled = &call->cancelled;
    start(call, &op, 1, CALL_CLOSED);
}

void call_receive(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &call->message;
    start(call, &op, 1, CALL_RECEIVED);
}

static void take_first(struct call *call)
{
    struct call_message *m = call->first;

    call->sending = m->buffer;
    call->queued -= m->cost;
    call->first = m->next;
    if (!call->first)
        call->last = &call->first;
    gpr_free(m);
}

static void put_status(struct call *call, grpc_op *op)
{
    op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    op->data.send_status_from_server.status = (grpc_status_code)call->status;
    op->data.send_status_from_server.status_details = &call->status_text;
    if (GRPC_SLICE_LENGTH(call->details_metadata.value) == 0)
        return;
    op->data.send_status_from_server.trailing_metadata = &call->details_metadata;
    op->data.send_status_from_server.trailing_metadata_count = 1;
}

/* Sends what comes next, if nothing is being sent: headers before the first
 * message, the status together with the last one. With the lock. */
static void pump(struct call *call)
{
    grpc_op ops[3] = {{0}};
    size_t count = 0;

    if (call->busy || call->over || (!call->first && !call->finishing))
        return;
    if (!call->headers_sent)
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    call->headers_sent = true;
    if (call->first) {
        take_first(call);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = call->sending;
    }
    if (!call->first && call->finishing) {
        put_status(call, &ops[count++]);
        call->over = true;
    }
    call->busy = start(call, ops, count, CALL_SENT);
    if (!call->busy)
        call->over = true;
}

static void enqueue(struct call *call, grpc_byte_buffer *message)
{
    struct call_message *m = gpr_zalloc(sizeof(*m));

    m->buffer = message;
    m->cost = grpc_byte_buffer_length(message) + MESSAGE_OVERHEAD;
    *call->last = m;
    call->last = &m->next;
    call->queued += m->cost;
    if (call->queued >= CALL_QUEUE_HIGH)
        call->throttled = true;
}

/* What is to be sent: a message, a status or both, in one step, so that both
 * may leave in one batch. */
struct outgoing {
    grpc_byte_buffer *message; /* or NULL */
    bool last;
    enum viv_status status;
    const char *text;
    const struct viv_error *error; /* that the status tells of, or NULL */
};

/* What an execution answers at its end, with the rest of its output, is counted by
 * execute_hold(): of that it is what had been queued before. */
static size_t waiting_bytes(const struct call *call, const struct outgoing *out)
{
    size_t bytes = call->queued;

    if (call->held && bytes > CALL_QUEUE_HIGH)
        bytes = CALL_QUEUE_HIGH;
    if (call->sending)
        bytes += grpc_byte_buffer_length(call->sending);
    if (out->message && !call->held)
        bytes += grpc_byte_buffer_length(out->message);
    return bytes;
}

static void accept_outgoing(struct call *call, const struct outgoing *out)
{
    if (out->last || call->slot->method->bidi)
        admission_answered(call, waiting_bytes(call, out), out->last);
    if (out->message)
        enqueue(call, out->message);
    if (out->last) {
        call->finishing = true;
        call->status = out->status;
        if (out->text)
            call->status_text = grpc_slice_from_copied_string(out->text);
        if (out->error)
            call->details_metadata.value = status_details(out->error);
    }
    pump(call);
}

static bool put(struct call *call, struct outgoing out)
{
    bool more;

    pthread_mutex_lock(&call->lock);
    if (!call->over && !call->finishing)
        accept_outgoing(call, &out);
    else if (out.message)
        grpc_byte_buffer_destroy(out.message);
    more = !call->throttled;
    pthread_mutex_unlock(&call->lock);
    return more;
}

bool call_send(struct call *call, grpc_byte_buffer *message)
{
    return put(call, (struct outgoing){.message = message});
}

void call_finish(struct call *call, enum viv_status status, const char *text)
{
    put(call, (struct outgoing){.last = true, .status = status, .text = text});
}

void call_reply(struct call *call, grpc_byte_buffer *message)
{
    put(call, (struct outgoing){.message = message, .last = true, .status = VIV_OK});
}

void call_fail(struct call *call, const struct viv_error *err)
{
    if (err->status == VIV_INTERNAL)
        log_event(LOG_LEVEL_ERROR, "call_failed",
                  LOG_TEXT("method", call->slot->method->path ? call->slot->method->path : ""),
                  LOG_TEXT("error", err->text));
    put(call,
        (struct outgoing){.last = true, .status = err->status, .text = err->text, .error = err});
}

static void on_sent(struct call *call, bool ok)
{
    const struct method *method = call->slot->method;
    bool drained, idle;

    pthread_mutex_lock(&call->lock);
    if (call->sending)
        grpc_byte_buffer_destroy(call->sending);
    call->sending = NULL;
    call->busy = false;
    if (!ok)
        call->over = true;
    if (call->over)
        drop_queue(call);
    else
        pump(call);
    drained = call->throttled && call->queued <= CALL_QUEUE_LOW;
    if (drained)
        call->throttled = false;
    idle = !call->busy && !call->over;
    pthread_mutex_unlock(&call->lock);
    /* Without the lock: these call into the supervisor and back into here. */
    if (drained && method->drained)
        method->drained(call);
    if (idle && method->idle)
        method->idle(call);
}

static void on_closed(struct call *call)
{
    const struct method *method = call->slot->method;
    bool drained;

    pthread_mutex_lock(&call->lock);
    call->over = true;
    drop_queue(call);
    drained = call->throttled;
    call->throttled = false;
    pthread_mutex_unlock(&call->lock);
    call->closed = true;
    if (method->closed && call->begun)
        method->closed(call, call->cancelled != 0);
    /* What has lost its reader is read on and dropped. */
    if (drained && method->drained)
        method->drained(call);
}

void call_complete(struct call *call, enum call_event event, bool ok)
{
    if (event == CALL_SENT)
        on_sent(call, ok);
    else if (event == CALL_CLOSED)
        on_closed(call);
    else if (event == CALL_RECEIVED && ok && call->slot->method->received)
        call->slot->method->received(call);
    call_unref(call);
}
