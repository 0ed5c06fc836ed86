#include "supervisor/service/server.h"

#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/admission.h"
#include "supervisor/service/answers.h"
#include "supervisor/service/call.h"
#include "supervisor/service/methods.h"
#include "supervisor/service/metrics.h"
#include "supervisor/service/shared_loop.h"
#include "supervisor/service/transport.h"

/* What cancelled calls get to tell their clients. */
#define CANCEL_NS INT64_C(300000000)

struct server {
    struct server_config config;
    grpc_server *grpc;
    grpc_completion_queue *queue;
    pthread_t poller;
    struct transport transport;
    struct health health;
    struct answers *answers;
    struct admission admission;
    struct reflection_index *reflection;
    struct call_slot *slots; /* as many as methods */
    atomic_bool stopping;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned live; /* accepted calls that are not freed */
    bool armed;    /* there is something to poll for */
    bool down;     /* gRPC has said so */
};

struct viv_supervisor *server_supervisor(const struct call_slot *slot)
{
    return slot->server->config.supervisor;
}

size_t server_max_message(const struct call_slot *slot)
{
    return (size_t)slot->server->config.max_message;
}

struct health *server_health(const struct call_slot *slot)
{
    return &slot->server->health;
}

struct health *server_own_health(struct server *server)
{
    return &server->health;
}

const struct reflection_index *server_reflection(const struct call_slot *slot)
{
    return slot->server->reflection;
}

void server_take(struct server *server, unsigned listener, int fd)
{
    transport_take(&server->transport, server->grpc, listener, fd);
}

int server_check_tls(struct server *server, struct viv_error *err)
{
    return transport_check(&server->transport, err);
}

struct answers *server_answers(const struct call_slot *slot)
{
    return slot->server->answers;
}

struct admission *server_admission(const struct call_slot *slot)
{
    return &slot->server->admission;
}

struct audit *server_audit(const struct call_slot *slot)
{
    return slot->server->config.audit;
}

void server_call_ended(struct call_slot *slot, int status)
{
    struct server *server = slot->server;

    metrics_call_ended((size_t)(slot - server->slots), status);
    pthread_mutex_lock(&server->lock);
    if (--server->live == 0)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* Offers gRPC a place for one more call of this method. */
static void arm(struct call_slot *slot)
{
    struct server *server = slot->server;
    struct call *call = call_new(slot);
    void *tag = &call->tags[CALL_ACCEPTED];
    grpc_call_error error;

    if (slot->registered)
        error = grpc_server_request_registered_call(server->grpc, slot->registered, &call->grpc,
                                                    &call->deadline, &call->metadata, NULL,
                                                    server->queue, server->queue, tag);
    else
        error = grpc_server_request_call(server->grpc, &call->grpc, &call->details, &call->metadata,
                                         server->queue, server->queue, tag);
    if (error != GRPC_CALL_OK)
        call_unref(call);
}

static void accept_call(struct call *call)
{
    struct call_slot *slot = call->slot;
    struct server *server = slot->server;

    metrics_call_started((size_t)(slot - server->slots));
    pthread_mutex_lock(&server->lock);
    server->live++;
    pthread_mutex_unlock(&server->lock);
    /* First, so that no call waits in gRPC's own unbounded queue. */
    if (!atomic_load(&server->stopping))
        arm(slot);
    call_watch_close(call);
    admission_take(call);
}

static void dispatch(struct server *server, void *tag, bool ok)
{
    struct call_tag *t = tag;

    if (tag == &server->down) {
        pthread_mutex_lock(&server->lock);
        server->down = true;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
        return;
    }
    if (t->event == CALL_RECEIVED)
        admission_request_came(t->call);
    if (t->event != CALL_ACCEPTED) {
        call_complete(t->call, t->event, ok);
        return;
    }
    /* Not ok: the server shuts down and gives the place back. */
    if (ok)
        accept_call(t->call);
    call_unref(t->call);
}

static gpr_timespec poll_until(const struct server *server)
{
    int64_t end_ns = admission_next(&server->admission);

    return end_ns == INT64_MAX ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                               : gpr_time_from_nanos(end_ns, GPR_CLOCK_MONOTONIC);
}

static void poll_queue(struct server *server)
{
    for (;;) {
        grpc_event event = grpc_completion_queue_next(server->queue, poll_until(server), NULL);

        admission_expire(&server->admission);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return;
        if (event.type == GRPC_OP_COMPLETE)
            dispatch(server, event.tag, event.success);
    }
}

static int add_methods(struct server *server, struct viv_error *err)
{
    unsigned executions = server->config.executions_max + EXECUTE_CALLS_MARGIN;

    server->slots = gpr_zalloc(methods_count * sizeof(*server->slots));
    for (size_t i = 0; i < methods_count; i++) {
        const struct method *m = &methods[i];
        struct call_slot *slot = &server->slots[i];

        metrics_name_method(i, m->path);
        slot->method = m;
        slot->server = server;
        /* Those that run code have one kind in common. */
        slot->kind = methods_runs_code(m) ? 0 : (unsigned)i + 1;
        slot->max = methods_runs_code(m) ? executions : m->calls;
        GPR_ASSERT(slot->kind < SHARES_KINDS);
        if (!m->path)
            continue;
        slot->registered =
            grpc_server_register_method(server->grpc, m->path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
        if (!slot->registered)
            return viv_fail(err, VIV_INTERNAL, "can't register %s", m->path);
    }
    return 0;
}

static void init_sync(struct server *server)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&server->stopping, false);
}

int server_create(const struct server_config *config, struct server **ret_server,
                  struct viv_error *err)
{
    struct server *server = gpr_zalloc(sizeof(*server));

    server->config = *config;
    init_sync(server);
    health_init(&server->health);
    /* Of the places for calls that run code, a tenant's unread answers take a quarter. */
    server->answers = answers_new(config->answer_bytes_total,
                                  (config->executions_max + EXECUTE_CALLS_MARGIN) / 4);
    server->admission =
        (struct admission){.gate = config->gate,
                           .request_timeout_ns = config->request_timeout_ns,
                           .arrivals = arrivals_new(admission_arrivals_max(config->executions_max)),
                           .shares = shares_new(admission_answers_max(config->executions_max),
                                                admission_answer_bytes_max(config->max_message))};
    server->grpc = transport_create_server(&server->transport, config);
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server->grpc, server->queue, NULL);
    if (transport_open(&server->transport, server->grpc, config->tls, err) < 0 ||
        reflection_index_create_embedded(&server->reflection, err) < 0 ||
        add_methods(server, err) < 0) {
        server_destroy(server);
        return -1;
    }
    *ret_server = server;
    return 0;
}

static void *run_poller(void *arg)
{
    struct server *server = arg;

    pthread_mutex_lock(&server->lock);
    while (!server->armed)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
    shared_loop_join(server->config.supervisor);
    poll_queue(server);
    shared_loop_leave();
    return NULL;
}

int server_start(struct server *server, struct viv_error *err)
{
    /* The thread first: it can fail, and a started server can't be taken back. */
    if (pthread_create(&server->poller, NULL, run_poller, server) != 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't start the polling thread");
    grpc_server_start(server->grpc);
    for (size_t i = 0; i < methods_count; i++)
        for (unsigned n = 0; n < methods[i].slots; n++)
            arm(&server->slots[i]);
    pthread_mutex_lock(&server->lock);
    server->armed = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return 0;
}

/* False: not within `grace_ns`. */
static bool wait_down(struct server *server, int64_t grace_ns)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (until.tv_nsec + grace_ns) / 1000000000;
    until.tv_nsec = (until.tv_nsec + grace_ns) % 1000000000;
    pthread_mutex_lock(&server->lock);
    while (!server->down && rc == 0)
        rc = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    pthread_mutex_unlock(&server->lock);
    return rc == 0;
}

/* gRPC is down, and no call is left that could start a batch: one that did
 * after the queue's shutdown would abort the process. */
static void wait_all(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    while (!server->down || server->live > 0)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void server_stop(struct server *server, int64_t grace_ns, void (*cut)(void *arg), void *arg)
{
    atomic_store(&server->stopping, true);
    health_end_watches(&server->health);
    grpc_server_shutdown_and_notify(server->grpc, server->queue, &server->down);
    if (!wait_down(server, grace_ns)) {
        grpc_server_cancel_all_calls(server->grpc);
        if (!wait_down(server, CANCEL_NS))
            cut(arg);
    }
    wait_all(server);
    grpc_completion_queue_shutdown(server->queue);
    pthread_join(server->poller, NULL);
    grpc_server_destroy(server->grpc);
    grpc_completion_queue_destroy(server->queue);
    server->grpc = NULL;
}

/* What was never started has no thread that polls: the caller's does. */
static void take_down(struct server *server)
{
    atomic_store(&server->stopping, true);
    grpc_server_shutdown_and_notify(server->grpc, server->queue, &server->down);
    while (!server->down) {
        grpc_event event =
            grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

        dispatch(server, event.tag, event.success);
    }
    grpc_completion_queue_shutdown(server->queue);
    poll_queue(server);
    grpc_server_destroy(server->grpc);
    grpc_completion_queue_destroy(server->queue);
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    if (server->grpc)
        take_down(server);
    transport_release(&server->transport);
    reflection_index_destroy(server->reflection);
    health_clear(&server->health);
    answers_free(server->answers);
    arrivals_free(server->admission.arrivals);
    shares_free(server->admission.shares);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    gpr_free(server->slots);
    gpr_free(server);
}
