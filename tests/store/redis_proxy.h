/* Between a store and its redis-server, for what a network loses: one commit's
 * answer, or a commit that comes late. One connection at a time. */
#ifndef VIVARIUM_TESTS_STORE_REDIS_PROXY_H
#define VIVARIUM_TESTS_STORE_REDIS_PROXY_H

#include <pthread.h>
#include <stdbool.h>

#include "tests/store/redis_server.h"

enum redis_proxy_loss {
    REDIS_PROXY_ANSWER,  /* the server carries it out, nobody hears of it */
    REDIS_PROXY_REQUEST, /* it reaches the server right before the next commit does */
};

/* A command's bytes. */
struct redis_bytes {
    char *data;
    size_t len;
};

struct redis_proxy {
    const struct redis_server *server;
    char socket[64];
    int listening;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    int client;           /* -1: none */
    bool away, stopping;
    unsigned lose; /* which commit from now, counted from 1; 0: none */
    enum redis_proxy_loss how;
    struct redis_bytes late;
};

void redis_proxy_start(struct redis_proxy *proxy, const struct redis_server *server);
void redis_proxy_stop(struct redis_proxy *proxy);

/* What happens to commit number `nth` from now. (One that brings new chunks asks
 * first, and so is two.) Then the server seems gone, until redis_proxy_back(). */
void redis_proxy_lose(struct redis_proxy *proxy, enum redis_proxy_loss how, unsigned nth);
void redis_proxy_back(struct redis_proxy *proxy);
/* Whether what was to be lost has been. */
bool redis_proxy_is_away(struct redis_proxy *proxy);

#endif
