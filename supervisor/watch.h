/* A descriptor that the reactor polls. It lives in a slot that is never freed,
 * so that an event that was fetched before the descriptor was closed finds
 * fd -1, or one of a later life, from which reading says "nothing there". */
#ifndef VIVARIUM_WATCH_H
#define VIVARIUM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct watch {
    int fd; /* -1: none */
    bool on;
    void (*ready)(struct watch *watch);
};

/* Level-triggered, for reading. */
int watch_start(int epoll_fd, struct watch *watch, struct viv_error *err);
void watch_stop(int epoll_fd, struct watch *watch);

/* Stops and closes. */
void watch_close(int epoll_fd, struct watch *watch);

#endif
