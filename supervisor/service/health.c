#include "supervisor/service/health.h"

#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "supervisor/service/reply.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

static const char ending[] = "the server is shutting down";

void health_init(struct health *health)
{
    pthread_mutex_init(&health->lock, NULL);
    health->serving = true;
    health->ended = false;
    health->watchers = NULL;
}

void health_clear(struct health *health)
{
    pthread_mutex_destroy(&health->lock);
}

bool health_knows(const char *service)
{
    return service[0] == '\0' || strcmp(service, "vivarium.v1.Vivarium") == 0;
}

static grpc_byte_buffer *pack_status(bool known, bool serving)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    response.status = !known ? SERVICE_UNKNOWN : serving ? SERVING : NOT_SERVING;
    return reply_pack(&response.base);
}

/* Whether the request's service is known, or -1. */
static int read_known(struct call *call, struct viv_error *err)
{
    ProtobufCMessage *message;
    bool known;

    if (request_unpack(call, &grpc__health__v1__health_check_request__descriptor, &message, err) <
        0)
        return -1;
    known = health_knows(((Grpc__Health__V1__HealthCheckRequest *)message)->service);
    protobuf_c_message_free_unpacked(message, NULL);
    return known;
}

void health_check(struct call *call)
{
    struct health *health = server_health(call->slot);
    struct viv_error err;
    int known = read_known(call, &err);
    bool serving;

    if (known == 0)
        viv_fail(&err, VIV_NOT_FOUND, "no such service here: ask for \"\" or vivarium.v1.Vivarium");
    if (known <= 0) {
        call_fail(call, &err);
        return;
    }
    pthread_mutex_lock(&health->lock);
    serving = health->serving;
    pthread_mutex_unlock(&health->lock);
    call_reply(call, pack_status(true, serving));
}

/* With the lock, as all that touches the list. */
static void add(struct health *health, struct call *call)
{
    call_ref(call);
    call->watch.next = health->watchers;
    call->watch.link = &health->watchers;
    if (call->watch.next)
        call->watch.next->watch.link = &call->watch.next;
    health->watchers = call;
}

static void drop(struct call *call)
{
    *call->watch.link = call->watch.next;
    if (call->watch.next)
        call->watch.next->watch.link = call->watch.link;
    call->watch.link = NULL;
    call_unref(call);
}

/* A service that is unknown stays so, but its watch stays open: that is what
 * the protocol wants. It is told nothing but its end. */
void health_watch(struct call *call)
{
    struct health *health = server_health(call->slot);
    struct viv_error err;
    int known = read_known(call, &err);

    if (known < 0) {
        call_fail(call, &err);
        return;
    }
    call->watch.unknown = !known;
    pthread_mutex_lock(&health->lock);
    call_send(call, pack_status(known, health->serving));
    if (health->ended)
        call_finish(call, VIV_UNAVAILABLE, ending);
    else
        add(health, call);
    pthread_mutex_unlock(&health->lock);
}

void health_watch_closed(struct call *call, bool cancelled)
{
    struct health *health = server_health(call->slot);

    pthread_mutex_lock(&health->lock);
    if (call->watch.link)
        drop(call);
    pthread_mutex_unlock(&health->lock);
}

void health_set(struct health *health, bool serving)
{
    pthread_mutex_lock(&health->lock);
    if (health->serving != serving)
        for (struct call *c = health->watchers; c; c = c->watch.next)
            if (!c->watch.unknown)
                call_send(c, pack_status(true, serving));
    health->serving = serving;
    pthread_mutex_unlock(&health->lock);
}

void health_end_watches(struct health *health)
{
    pthread_mutex_lock(&health->lock);
    health->ended = true;
    while (health->watchers) {
        call_finish(health->watchers, VIV_UNAVAILABLE, ending);
        drop(health->watchers);
    }
    pthread_mutex_unlock(&health->lock);
}
