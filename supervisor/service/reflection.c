#include "supervisor/service/reflection.h"

#include <grpc/support/alloc.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

/* It comes back with the answer, to whoever asks. */
#define REQUEST_BYTES_MAX 4096

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

static void answer(struct call *call, reflection_request *request, reflection_response *response)
{
    response->valid_host = request->host;
    response->original_request = request;
    call_send(call, reply_pack(&response->base));
}

static void answer_error(struct call *call, reflection_request *request, enum viv_status status,
                         const char *text)
{
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

    error.error_code = (int)status;
    error.error_message = (char *)text;
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response.error_response = &error;
    answer(call, request, &response);
}

static void answer_file(struct call *call, reflection_request *request, int file)
{
    const struct reflection_index *index = server_reflection(call->slot);
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__FileDescriptorResponse files =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;

    if (file < 0) {
        answer_error(call, request, VIV_NOT_FOUND, "no file that is served has it");
        return;
    }
    files.file_descriptor_proto =
        gpr_malloc(reflection_index_files(index) * sizeof(*files.file_descriptor_proto));
    files.n_file_descriptor_proto =
        reflection_index_closure(index, file, files.file_descriptor_proto);
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response.file_descriptor_response = &files;
    answer(call, request, &response);
    gpr_free(files.file_descriptor_proto);
}

#define SERVICES_SHOWN 32

static void answer_services(struct call *call, reflection_request *request)
{
    const struct reflection_index *index = server_reflection(call->slot);
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ListServiceResponse list =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse services[SERVICES_SHOWN];
    Grpc__Reflection__V1__ServiceResponse *pointers[SERVICES_SHOWN];

    for (; list.n_service < SERVICES_SHOWN; list.n_service++) {
        const char *name = reflection_index_service(index, list.n_service);

        if (!name)
            break;
        grpc__reflection__v1__service_response__init(&services[list.n_service]);
        services[list.n_service].name = (char *)name;
        pointers[list.n_service] = &services[list.n_service];
    }
    list.service = pointers;
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response.list_services_response = &list;
    answer(call, request, &response);
}

#define REQUEST(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name

static void dispatch(struct call *call, reflection_request *request)
{
    const struct reflection_index *index = server_reflection(call->slot);

    switch (request->message_request_case) {
    case REQUEST(FILE_BY_FILENAME):
        answer_file(call, request, reflection_index_by_name(index, request->file_by_filename));
        return;
    case REQUEST(FILE_CONTAINING_SYMBOL):
        answer_file(call, request,
                    reflection_index_by_symbol(index, request->file_containing_symbol));
        return;
    case REQUEST(FILE_CONTAINING_EXTENSION):
    case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
        answer_error(call, request, VIV_NOT_FOUND, "no extensions are declared here");
        return;
    case REQUEST(LIST_SERVICES):
        answer_services(call, request);
        return;
    default:
        call_finish(call, VIV_INVALID_ARGUMENT, "message_request: is unset: ask for something");
    }
}

void reflection_received(struct call *call)
{
    ProtobufCMessage *message;
    struct viv_error err;

    if (!call->message) {
        call_finish(call, VIV_OK, NULL);
        return;
    }
    if (grpc_byte_buffer_length(call->message) > REQUEST_BYTES_MAX) {
        viv_fail(&err, VIV_INVALID_ARGUMENT, "a question of more than %d bytes is none",
                 REQUEST_BYTES_MAX);
        call_fail(call, &err);
        return;
    }
    if (request_unpack(call, &grpc__reflection__v1__server_reflection_request__descriptor, &message,
                       &err) < 0) {
        call_fail(call, &err);
        return;
    }
    dispatch(call, (reflection_request *)message);
    protobuf_c_message_free_unpacked(message, NULL);
}
