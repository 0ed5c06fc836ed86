/* Execute and ExecuteStream, waiting for them or not. */
#include <stdatomic.h>
#include <stdlib.h>

#include "client/arena.h"
#include "client/reply.h"
#include "client/request.h"
#include "client/rpc.h"

static const struct viv_rpc_method EXECUTE = {"/vivarium.v1.Vivarium/Execute", false};
static const struct viv_rpc_method EXECUTE_STREAM = {"/vivarium.v1.Vivarium/ExecuteStream", true};

/* One execution. With viv_client_start() it is shared between the library and
 * the caller's handle. */
struct viv_client_call {
    struct viv_rpc rpc;
    struct viv_client_events events;
    void *arg;
    viv_client_done *done;
    struct viv_client_response *response; /* once it has come */
    atomic_uint references;
};

static int no_memory(struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the answer");
}

/* ---- messages ---- */

static int response_message(void *arg, const uint8_t *data, size_t len, struct viv_error *err)
{
    struct viv_client_call *call = arg;
    struct viv_client_response *response = viv_arena_new(sizeof(*response));
    ProtobufCMessage *message;

    if (!response)
        return no_memory(err);
    if (viv_reply_unpack(call->rpc.client, &vivarium__v1__execute_response__descriptor, data, len,
                         response, &message, err) ||
        viv_reply_fill_response(response, (Vivarium__V1__ExecuteResponse *)message, err)) {
        viv_arena_free(response);
        return -1;
    }
    call->response = response;
    return 0;
}

static int go_on(bool wanted, struct viv_error *err)
{
    return wanted ? 0 : viv_fail(err, VIV_CANCELLED, "a callback ended the call");
}

static int handle_output(struct viv_client_call *call, const Vivarium__V1__Output *output,
                         struct viv_error *err)
{
    int stream = (int)output->stream;

    if (!call->events.output || !output->data.len)
        return 0;
    if (stream != VIV_CLIENT_STDOUT && stream != VIV_CLIENT_STDERR)
        return 0; /* of a newer supervisor */
    return go_on(call->events.output(call->arg, (enum viv_client_stream)stream, output->data.data,
                                     output->data.len),
                 err);
}

static int handle_finished(struct viv_client_call *call, Vivarium__V1__ExecuteResponse *m,
                           struct viv_client_response *response, struct viv_error *err)
{
    if (call->response)
        return viv_fail(err, VIV_INTERNAL, "the execution finished twice");
    if (viv_reply_fill_response(response, m, err))
        return -1;
    call->response = response;
    return 0;
}

static int handle_event(struct viv_client_call *call, Vivarium__V1__ExecuteEvent *event,
                        struct viv_client_response *response, struct viv_error *err)
{
    switch (event->event_case) {
    case VIVARIUM__V1__EXECUTE_EVENT__EVENT_STARTED:
        return !call->events.started
                   ? 0
                   : go_on(call->events.started(call->arg, event->started->execution_id), err);
    case VIVARIUM__V1__EXECUTE_EVENT__EVENT_OUTPUT:
        return handle_output(call, event->output, err);
    case VIVARIUM__V1__EXECUTE_EVENT__EVENT_FINISHED:
        return handle_finished(call, event->finished, response, err);
    default:
        return 0; /* of a newer supervisor */
    }
}

/* Unpacks into what will be the response if this event is the last. */
static int event_message(void *arg, const uint8_t *data, size_t len, struct viv_error *err)
{
    struct viv_client_call *call = arg;
    struct viv_client_response *response = viv_arena_new(sizeof(*response));
    ProtobufCMessage *message;
    int result;

    if (!response)
        return no_memory(err);
    result = viv_reply_unpack(call->rpc.client, &vivarium__v1__execute_event__descriptor, data, len,
                              response, &message, err);
    if (!result)
        result = handle_event(call, (Vivarium__V1__ExecuteEvent *)message, response, err);
    if (call->response != response)
        viv_arena_free(response);
    return result;
}

/* ---- making and ending ---- */

static void release(struct viv_client_call *call)
{
    if (atomic_fetch_sub(&call->references, 1) > 1)
        return;
    viv_rpc_release(&call->rpc);
    viv_arena_free(call->response);
    free(call);
}

/* The response, or an error where the stream ended well but without one. */
static int take_response(struct viv_client_call *call, struct viv_client_response **ret_response,
                         struct viv_error *err)
{
    if (!call->response)
        return viv_fail(err, VIV_INTERNAL, "the stream ended before the execution did");
    *ret_response = call->response;
    call->response = NULL;
    return 0;
}

static void finished(void *arg, const struct viv_error *error)
{
    struct viv_client_call *call = arg;
    struct viv_client_response *response = NULL;
    struct viv_error lost;

    if (!error && take_response(call, &response, &lost))
        error = &lost;
    call->done(call->arg, response, error);
    viv_client_leave(call->rpc.client, &call->rpc);
    release(call);
}

static int init_rpc(struct viv_client_call *call, struct viv_client *client,
                    const struct viv_client_request *request, bool streaming, struct viv_error *err)
{
    struct viv_rpc_handler handler = {streaming ? event_message : response_message, finished, call};
    bool named = request->execution_id && *request->execution_id;
    struct viv_request_message message;

    if (viv_request_fill(&message, request, err))
        return -1;
    return viv_rpc_init(&call->rpc, client, streaming ? &EXECUTE_STREAM : &EXECUTE,
                        named ? VIV_RETRY_NAMED : VIV_RETRY_UNNAMED, &message.base.base,
                        viv_request_timeout_ns(request, client->options.execute_timeout_ns),
                        &handler, err);
}

static struct viv_client_call *new_call(struct viv_client *client,
                                        const struct viv_client_request *request,
                                        const struct viv_client_events *events, void *arg,
                                        struct viv_error *err)
{
    struct viv_client_call *call = calloc(1, sizeof(*call));

    if (!call) {
        viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a call");
        return NULL;
    }
    if (events)
        call->events = *events;
    call->arg = arg;
    atomic_init(&call->references, 1);
    if (init_rpc(call, client, request, events != NULL, err)) {
        free(call);
        return NULL;
    }
    return call;
}

/* ---- the public forms ---- */

int viv_client_execute_stream(struct viv_client *client, const struct viv_client_request *request,
                              const struct viv_client_events *events, void *arg,
                              struct viv_client_response **ret_response, struct viv_error *err)
{
    struct viv_client_call *call = new_call(client, request, events, arg, err);
    int result;

    if (!call)
        return -1;
    result = viv_rpc_run(&call->rpc, err);
    if (!result)
        result = take_response(call, ret_response, err);
    release(call);
    return result;
}

int viv_client_execute(struct viv_client *client, const struct viv_client_request *request,
                       struct viv_client_response **ret_response, struct viv_error *err)
{
    return viv_client_execute_stream(client, request, NULL, NULL, ret_response, err);
}

int viv_client_start(struct viv_client *client, const struct viv_client_request *request,
                     const struct viv_client_events *events, viv_client_done *done, void *arg,
                     struct viv_client_call **ret_call, struct viv_error *err)
{
    struct viv_client_call *call = new_call(client, request, events, arg, err);

    if (!call)
        return -1;
    call->done = done;
    if (ret_call)
        atomic_fetch_add(&call->references, 1);
    if (viv_rpc_start(&call->rpc, err)) {
        atomic_store(&call->references, 1);
        release(call);
        return -1;
    }
    if (ret_call)
        *ret_call = call;
    return 0;
}

void viv_client_call_cancel(struct viv_client_call *call)
{
    viv_rpc_cancel(&call->rpc);
}

void viv_client_call_release(struct viv_client_call *call)
{
    if (call)
        release(call);
}
