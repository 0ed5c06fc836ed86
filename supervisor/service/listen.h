/* Where the daemon listens: addresses, and the lock beside each unix socket.
 *
 * gRPC removes whatever socket it finds at the path it binds, also that of a
 * living server, so the lock comes first. */
#ifndef VIVARIUM_SERVICE_LISTEN_H
#define VIVARIUM_SERVICE_LISTEN_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "proto/error.h"

#define LISTEN_TARGET_MAX 272
#define LISTEN_PATH_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

struct listen_address {
    char target[LISTEN_TARGET_MAX]; /* as gRPC wants it */
    char path[LISTEN_PATH_MAX];     /* of a unix socket; "" for TCP */
};

/* Pure. Beyond loopback only where `insecure_tcp`. */
int listen_parse(const char *text, bool insecure_tcp, struct listen_address *ret_address,
                 struct viv_error *err);

/* The default address of this user. `runtime_dir` is $XDG_RUNTIME_DIR or NULL. */
int listen_default(uid_t uid, const char *runtime_dir, char ret_text[LISTEN_TARGET_MAX],
                   struct viv_error *err);

struct listener {
    struct listen_address address;
    int lock_fd; /* -1: none */
    int port;    /* of TCP, once bound */
};

/* Makes the socket's folder where it is missing (mode 0700), and takes the
 * lock PATH.lock, which names the holder's pid. To be released with
 * listener_release(). Nothing to do for TCP. */
int listener_lock(const struct listen_address *address, struct listener *ret_listener,
                  struct viv_error *err);

/* Binds and listens as a port of `server`, which is not started yet. A unix
 * socket gets mode 0600. */
int listener_bind(struct listener *listener, grpc_server *server, struct viv_error *err);

/* Removes the lock. The socket is gRPC's to remove. */
void listener_release(struct listener *listener);

#endif
