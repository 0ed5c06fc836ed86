/* The gRPC server: one completion queue with one thread that polls it, the
 * methods, the slots that take calls, and the order in which all of it ends. */
#ifndef VIVARIUM_SERVICE_SERVER_H
#define VIVARIUM_SERVICE_SERVER_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/gate.h"
#include "supervisor/service/health.h"
#include "supervisor/service/reflection_index.h"
#include "supervisor/vivarium.h"

/* Above what the supervisor itself would refuse, so that its own words are
 * what a client reads. */
#define EXECUTE_CALLS_MARGIN 256

struct admission;
struct answers;
struct audit;
struct call_slot;
struct server;
struct tls;

struct server_config {
    /* All of these must outlive the server. */
    struct viv_supervisor *supervisor;
    struct gate *gate;
    struct audit *audit; /* NULL: none is kept */
    struct tls *tls;     /* NULL: no listener has it */
    /* By the listener's number. */
    struct {
        bool tls;
        bool ask_client; /* for a certificate */
    } listeners[GATE_LISTENERS_MAX];
    int max_message;
    int max_streams;
    int64_t request_timeout_ns;  /* from a call's begin; 0: none */
    uint64_t answer_bytes_total; /* that clients have not read yet */
    unsigned executions_max;     /* running and queued ones together */
};

/* Between grpc_init() and server_start(). Ends with server_stop() if started,
 * then server_destroy(). */
int server_create(const struct server_config *config, struct server **ret_server,
                  struct viv_error *err);

/* Takes a connection that came by this listener, or GATE_SELF, over. Once it is
 * started, and not after server_stop() has begun. */
void server_take(struct server *server, unsigned listener, int fd);

/* Whether each listener with TLS answers. */
int server_check_tls(struct server *server, struct viv_error *err);

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

struct admission *server_admission(const struct call_slot *slot);
struct answers *server_answers(const struct call_slot *slot);
struct audit *server_audit(const struct call_slot *slot);

struct health *server_own_health(struct server *server);

/* For call.c: an accepted call has been freed, after this status. */
void server_call_ended(struct call_slot *slot, int status);

#endif
