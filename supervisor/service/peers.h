/* Who is at the other end of each connection, by its descriptor.
 *
 * gRPC names the peer of a connection that it was given "fd:N". A call holds
 * its connection, and the connection its descriptor, so N is not used again
 * while a call of it is alive: looking it up during the call finds the right
 * entry, without a generation. Pure but for its memory. */
#ifndef VIVARIUM_SERVICE_PEERS_H
#define VIVARIUM_SERVICE_PEERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

struct peers;

struct peer {
    unsigned listener; /* below 256 */
    bool has_uid;
    uid_t uid;
};

/* For descriptors from `first` on. Ends with peers_destroy(). */
int peers_create(int first, int count, struct peers **ret_peers, struct viv_error *err);

/* NULL is fine. */
void peers_destroy(struct peers *peers);

/* Before gRPC is given the descriptor. */
void peers_set(struct peers *peers, int fd, const struct peer *peer);

/* Of what gRPC calls the peer; false: it is no connection of ours. Any thread. */
bool peers_find(const struct peers *peers, const char *name, struct peer *ret_peer);

#endif
