/* grpc.health.v1.Health: whether the server as a whole, "", and
 * vivarium.v1.Vivarium take work. Both always share one status. */
#ifndef VIVARIUM_SERVICE_HEALTH_H
#define VIVARIUM_SERVICE_HEALTH_H

#include <pthread.h>
#include <stdbool.h>

struct call;

struct health {
    pthread_mutex_t lock;
    bool serving;
    bool ended;
    struct call *watchers; /* each referenced */
};

/* SERVING. */
void health_init(struct health *health);

/* Whoever watches is told. */
void health_set(struct health *health, bool serving);

/* Ends all watches, UNAVAILABLE, and those that come later. */
void health_end_watches(struct health *health);

/* Once no call is left. */
void health_clear(struct health *health);

/* Whether `service` has a status here. Pure. */
bool health_knows(const char *service);

void health_check(struct call *call);

void health_watch(struct call *call);

void health_watch_closed(struct call *call, bool cancelled);

#endif
