#include "supervisor/service/cancel.h"

#include "supervisor/service/convert.h"
#include "supervisor/service/message.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

static void on_done(void *arg, enum viv_cancel_state state, const struct viv_receipt *receipt)
{
    Vivarium__V1__CancelResponse response = VIVARIUM__V1__CANCEL_RESPONSE__INIT;
    Vivarium__V1__Cancellation cancellation;
    struct call *call = arg;

    response.state = (Vivarium__V1__CancelState)state;
    if (receipt) {
        cancellation = message_cancellation(receipt);
        response.cancellation = &cancellation;
    }
    call_reply(call, reply_pack(&response.base));
    call_unref(call);
}

static int ask(struct call *call, const Vivarium__V1__CancelRequest *message, struct viv_error *err)
{
    char tenant[VIV_ID_MAX + 1];
    struct viv_cancel cancel;
    int rc;

    if (request_tenant(call, tenant, err) < 0 || convert_cancel(message, &cancel, err) < 0)
        return -1;
    cancel.tenant = tenant;
    call_ref(call);
    rc = viv_cancel(server_supervisor(call->slot), &cancel, on_done, call, err);
    if (rc < 0)
        call_unref(call);
    return rc;
}

void cancel_begin(struct call *call)
{
    ProtobufCMessage *message;
    struct viv_error err;

    if (request_unpack(call, &vivarium__v1__cancel_request__descriptor, &message, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    if (ask(call, (Vivarium__V1__CancelRequest *)message, &err) < 0)
        call_fail(call, &err);
    protobuf_c_message_free_unpacked(message, NULL);
}
