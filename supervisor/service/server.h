/* The gRPC server: one completion queue with one thread that polls it, the
 * methods, the slots that take calls, and the order in which all of it ends. */
#ifndef VIVARIUM_SERVICE_SERVER_H
#define VIVARIUM_SERVICE_SERVER_H

#include <grpc/grpc.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/health.h"
#include "supervisor/service/reflection_index.h"
#include "supervisor/vivarium.h"

struct call_slot;
struct server;

struct server_config {
    struct viv_supervisor *supervisor; /* must outlive the server */
    int max_message;
    int max_streams;
    unsigned executions_max; /* running and queued ones together */
};

/* Between grpc_init() and server_start(). Ends with server_stop() if started,
 * then server_destroy(). */
int server_create(const struct server_config *config, struct server **ret_server,
                  struct viv_error *err);

/* To bring connections to, once it is started. */
grpc_server *server_grpc(struct server *server);

int server_start(struct server *server, struct viv_error *err);

/* Takes no more calls and waits for those that are left; those that are not
 * over after `grace_ns` are cancelled, and where even that doesn't end it,
 * `cut` is to break the connections. Whatever the supervisor owes the calls
 * must be sure to come. */
void server_stop(struct server *server, int64_t grace_ns, void (*cut)(void *arg), void *arg);

/* NULL is fine. */
void server_destroy(struct server *server);

/* For the methods. */
struct viv_supervisor *server_supervisor(const struct call_slot *slot);
size_t server_max_message(const struct call_slot *slot);
struct health *server_health(const struct call_slot *slot);
const struct reflection_index *server_reflection(const struct call_slot *slot);

struct health *server_own_health(struct server *server);

/* For call.c: an accepted call has been freed. */
void server_call_ended(struct call_slot *slot);

#endif
