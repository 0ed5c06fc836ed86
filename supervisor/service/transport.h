/* How connections come to gRPC: in the clear, or by a listener's TLS. */
#ifndef VIVARIUM_SERVICE_TRANSPORT_H
#define VIVARIUM_SERVICE_TRANSPORT_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "supervisor/service/external.h"
#include "supervisor/service/server.h"

/* Stays where it is while its server lives. */
struct transport {
    grpc_server_credentials *insecure;
    struct {
        bool tls, ask_client;
        struct external external;
    } listeners[GATE_LISTENERS_MAX];
};

/* A server that has a way in for each listener; the caller destroys it, and then
 * calls transport_release(). */
grpc_server *transport_create_server(struct transport *transport,
                                     const struct server_config *config);

/* Before the server starts. */
int transport_open(struct transport *transport, grpc_server *server, struct tls *tls,
                   struct viv_error *err);

/* As server_take() and server_check_tls(). */
void transport_take(struct transport *transport, grpc_server *server, unsigned listener, int fd);
int transport_check(struct transport *transport, struct viv_error *err);

void transport_release(struct transport *transport);

#endif
