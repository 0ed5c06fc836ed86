/* The sockets the daemon listens on, and the lock beside each unix socket:
 * whoever holds it may take over a socket that a killed daemon has left. */
#ifndef VIVARIUM_SERVICE_LISTEN_H
#define VIVARIUM_SERVICE_LISTEN_H

#include "proto/error.h"
#include "supervisor/service/address.h"

struct listener {
    struct address address;
    int lock_fd; /* -1: none */
    int fd;      /* -1: not bound */
    int port;    /* of TCP, once bound */
    /* Of a unix socket; 0: 0600. */
    unsigned mode;
};

/* Makes the socket's folder where it is missing (mode 0700), and takes the
 * lock PATH.lock, which names the holder's pid. To be released with
 * listener_release(). Nothing to do for TCP. */
int listener_lock(const struct address *address, struct listener *ret_listener,
                  struct viv_error *err);

/* Binds and listens. A unix socket gets its `mode`, 0600 unless it was set. */
int listener_bind(struct listener *listener, struct viv_error *err);

/* Of a unix socket that is bound; *listener is untouched where it fails. */
int listener_set_mode(struct listener *listener, unsigned mode, struct viv_error *err);

/* Listens no more: closes and removes the socket, then the lock. */
void listener_release(struct listener *listener);

#endif
