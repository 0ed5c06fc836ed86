/* Takes connections and hands them to gRPC.
 *
 * gRPC has listeners of its own, but those of 1.51 stop for ever once the
 * process has run out of descriptors (grpc/grpc issue 20418), which anybody
 * who may connect could bring about. This one has a share of the descriptors
 * and keeps to it: a connection past the most is closed at once. */
#ifndef VIVARIUM_SERVICE_ACCEPTOR_H
#define VIVARIUM_SERVICE_ACCEPTOR_H

#include <stddef.h>

#include "proto/error.h"
#include "supervisor/service/listen.h"
#include "supervisor/service/peers.h"

struct acceptor;
struct server;

/* Which descriptors are for connections: as many as asked for, but at most
 * half of `limit`, and above those that the rest needs. `count` is 0 where that leaves
 * none. Pure. */
struct acceptor_range {
    int first;
    int count;
};

struct acceptor_range acceptor_range(long limit, int connections_max, unsigned workers_max);

/* The same, of this process's limit. VIV_FAILED_PRECONDITION where that is too low. */
int acceptor_range_now(int connections_max, unsigned workers_max, struct acceptor_range *ret_range,
                       struct viv_error *err);

struct acceptor_config {
    struct server *server;            /* started, and up until acceptor_stop() */
    const struct listener *listeners; /* bound, by their numbers, until then */
    size_t count;
    struct acceptor_range range;
    struct peers *peers; /* of that range */
};

/* First calls itself, over a connection of its own, to see that calls are
 * credited to their connections: VIV_FAILED_PRECONDITION where they aren't, and
 * nobody was let in. Ends with acceptor_destroy(). */
int acceptor_start(const struct acceptor_config *config, struct acceptor **ret_acceptor,
                   struct viv_error *err);

/* How many connections there are. Any thread. */
int acceptor_connections(const struct acceptor *acceptor);

/* Takes no more. */
void acceptor_stop(struct acceptor *acceptor);

/* After acceptor_stop(): breaks the connections that are left. gRPC itself
 * waits with closing one until what it has written is read, which a peer that
 * doesn't read can put off for ever. */
void acceptor_cut(struct acceptor *acceptor);

/* After acceptor_stop(). NULL is fine. */
void acceptor_destroy(struct acceptor *acceptor);

#endif
