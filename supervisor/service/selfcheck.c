#include "supervisor/service/selfcheck.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

/* One that is answered to any tenant, also where "default" may not use us. */
#define METHOD "/vivarium.v1.Vivarium/ListExecutions"
#define PATIENCE_S 30

struct answer {
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *message;
    grpc_status_code status;
    grpc_slice text;
};

static void start(grpc_call *call, grpc_byte_buffer *request, struct answer *answer)
{
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

    ops[1].data.send_message.send_message = request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &answer->initial;
    ops[4].data.recv_message.recv_message = &answer->message;
    ops[5].data.recv_status_on_client.trailing_metadata = &answer->trailing;
    ops[5].data.recv_status_on_client.status = &answer->status;
    ops[5].data.recv_status_on_client.status_details = &answer->text;
    grpc_call_start_batch(call, ops, 6, call, NULL);
}

static grpc_status_code call_self(grpc_channel *channel)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_pluck(NULL);
    grpc_call *call = grpc_channel_create_call(
        channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, grpc_slice_from_static_string(METHOD), NULL,
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(PATIENCE_S, GPR_TIMESPAN)),
        NULL);
    grpc_slice nothing = grpc_empty_slice();
    grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&nothing, 1);
    struct answer answer = {.status = GRPC_STATUS_UNKNOWN};

    grpc_metadata_array_init(&answer.initial);
    grpc_metadata_array_init(&answer.trailing);
    start(call, request, &answer);
    grpc_completion_queue_pluck(queue, call, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_byte_buffer_destroy(request);
    if (answer.message)
        grpc_byte_buffer_destroy(answer.message);
    grpc_slice_unref(answer.text);
    grpc_metadata_array_destroy(&answer.initial);
    grpc_metadata_array_destroy(&answer.trailing);
    grpc_call_unref(call);
    grpc_completion_queue_shutdown(queue);
    grpc_completion_queue_destroy(queue);
    return answer.status;
}

int selfcheck_call(int fd, struct viv_error *err)
{
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create_from_fd("self", fd, credentials, NULL);
    grpc_status_code status = call_self(channel);

    grpc_channel_destroy(channel);
    grpc_channel_credentials_release(credentials);
    if (status == GRPC_STATUS_OK)
        return 0;
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "this gRPC (core %s) does not tell which connection a call came by (status "
                    "%d): nobody could be told from anybody else; build with the one that Debian "
                    "12 has",
                    grpc_version_string(), status);
}
