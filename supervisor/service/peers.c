#include "supervisor/service/peers.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One word, so that an entry is never seen half written. */
#define IS_SET (UINT64_C(1) << 63)
#define HAS_UID (UINT64_C(1) << 62)
#define LISTENER_SHIFT 32

struct peers {
    int first;
    int count;
    _Atomic uint64_t entries[];
};

int peers_create(int first, int count, struct peers **ret_peers, struct viv_error *err)
{
    struct peers *peers = calloc(1, sizeof(*peers) + (size_t)count * sizeof(peers->entries[0]));

    if (!peers)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %d connections", count);
    peers->first = first;
    peers->count = count;
    *ret_peers = peers;
    return 0;
}

void peers_destroy(struct peers *peers)
{
    free(peers);
}

void peers_set(struct peers *peers, int fd, const struct peer *peer)
{
    uint64_t entry = IS_SET | (uint64_t)(peer->listener & 0xff) << LISTENER_SHIFT;

    if (peer->has_uid)
        entry |= HAS_UID | (uint32_t)peer->uid;
    atomic_store(&peers->entries[fd - peers->first], entry);
}

/* -1: not "fd:" and a number. */
static long number_of(const char *name)
{
    char *end;
    long number;

    if (strncmp(name, "fd:", 3) != 0 || name[3] < '0' || name[3] > '9')
        return -1;
    errno = 0;
    number = strtol(name + 3, &end, 10);
    return *end == '\0' && errno == 0 ? number : -1;
}

bool peers_find(const struct peers *peers, const char *name, struct peer *ret_peer)
{
    long fd = number_of(name);
    uint64_t entry;

    if (fd < peers->first || fd >= (long)peers->first + peers->count)
        return false;
    entry = atomic_load(&peers->entries[fd - peers->first]);
    if (!(entry & IS_SET))
        return false;
    *ret_peer = (struct peer){
        .listener = (unsigned)(entry >> LISTENER_SHIFT & 0xff),
        .has_uid = entry & HAS_UID,
        .uid = (uid_t)(uint32_t)entry,
    };
    return true;
}
