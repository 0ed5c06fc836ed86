#include "supervisor/service/query.h"

#include <grpc/support/alloc.h>

#include "supervisor/service/message.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

static void on_list(void *arg, const struct viv_execution_info *executions, size_t count)
{
    Vivarium__V1__ListExecutionsResponse response = VIVARIUM__V1__LIST_EXECUTIONS_RESPONSE__INIT;
    struct message_info *infos = gpr_malloc((count + 1) * sizeof(*infos));
    Vivarium__V1__ExecutionInfo **list = gpr_malloc((count + 1) * sizeof(*list));
    struct call *call = arg;

    for (size_t i = 0; i < count; i++) {
        message_info(&infos[i], &executions[i]);
        list[i] = &infos[i].root;
    }
    response.executions = list;
    response.n_executions = count;
    call_reply(call, reply_pack(&response.base));
    gpr_free(list);
    gpr_free(infos);
    call_unref(call);
}

/* These requests have no fields yet, but what arrives must be one. */
static int check_request(struct call *call, const ProtobufCMessageDescriptor *descriptor,
                         char ret_tenant[VIV_ID_MAX + 1], struct viv_error *err)
{
    ProtobufCMessage *message;

    if (request_unpack(call, descriptor, &message, err) < 0)
        return -1;
    protobuf_c_message_free_unpacked(message, NULL);
    return request_tenant(call, ret_tenant, err);
}

void query_list(struct call *call)
{
    char tenant[VIV_ID_MAX + 1];
    struct viv_error err;

    if (check_request(call, &vivarium__v1__list_executions_request__descriptor, tenant, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call_ref(call);
    if (viv_list(server_supervisor(call->slot), tenant, on_list, call, &err) < 0) {
        call_fail(call, &err);
        call_unref(call);
    }
}

static void on_description(void *arg, const struct viv_description *description)
{
    struct message_description m;
    struct call *call = arg;

    message_description(&m, description, server_max_message(call->slot),
                        call->identity.kind == AUTH_OPEN);
    call_reply(call, reply_pack(&m.root.base));
    call_unref(call);
}

void query_describe(struct call *call)
{
    char tenant[VIV_ID_MAX + 1];
    struct viv_error err;

    if (check_request(call, &vivarium__v1__describe_request__descriptor, tenant, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call_ref(call);
    if (viv_describe(server_supervisor(call->slot), tenant, on_description, call, &err) < 0) {
        call_fail(call, &err);
        call_unref(call);
    }
}
