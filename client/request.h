/* struct viv_client_request as ExecuteRequest. */
#ifndef VIVARIUM_CLIENT_REQUEST_H
#define VIVARIUM_CLIENT_REQUEST_H

#include "client/vivarium_client.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* The message with its parts; points into what it was made of and into itself,
 * so it may not be moved. */
struct viv_request_message {
    Vivarium__V1__ExecuteRequest base;
    Vivarium__V1__Limits limits;
    Vivarium__V1__ScopeSnapshot scope;
    Google__Protobuf__Duration wall_time;
    Google__Protobuf__Duration cpu_time;
    Google__Protobuf__Duration cancel_grace;
    Google__Protobuf__Duration cleanup_grace;
    Vivarium__V1__ProfileRequest profile;
    Google__Protobuf__Duration interval;
    Vivarium__V1__TraceRequest trace;
};

/* Fails where the request's scope was not built. */
int viv_request_fill(struct viv_request_message *message, const struct viv_client_request *request,
                     struct viv_error *err);

/* Fills it in and gives it back; NULL for 0, which means unset. */
Google__Protobuf__Duration *viv_request_duration(Google__Protobuf__Duration *duration, int64_t ns);

/* How long the call may take: what the request says, else the client's default,
 * but never less than the code may run and ten minutes more. Pure. */
int64_t viv_request_timeout_ns(const struct viv_client_request *request, int64_t default_ns);

#endif
