/* The names of Redis's keys:
 *
 *     viv:s:N:TENANT:SESSION  hash: r, the record; g, its generation
 *     viv:b:N:TENANT:SESSION  hash: a blob by its hash
 *     viv:l:N:TENANT:SESSION  the lease, "TOKEN OWNER", expires by itself
 *     viv:t:TENANT            hash: stored bytes by session
 *     viv:u:TENANT            their sum; counted anew where it is absent
 *     viv:expiry              sorted set: N:TENANT:SESSION by milliseconds
 *     viv:token               the last token
 *
 * N is the length of TENANT, so that no two pairs have one name. Pure. */
#ifndef VIVARIUM_STORE_REDIS_KEYS_H
#define VIVARIUM_STORE_REDIS_KEYS_H

#include "supervisor/store/store.h"

#define REDIS_PAIR (2 * STORE_NAME_MAX + 8)

/* The keys of one session. */
struct redis_keys {
    char pair[REDIS_PAIR]; /* N:TENANT:SESSION */
    char record[REDIS_PAIR + 8];
    char blobs[REDIS_PAIR + 8];
    char lease[REDIS_PAIR + 8];
    char tenant[STORE_NAME_MAX + 8];
    char usage[STORE_NAME_MAX + 8];
};

void redis_keys_of(const struct store_key *key, struct redis_keys *ret_keys);

/* Takes N:TENANT:SESSION apart; it may be anything. */
struct redis_names {
    char tenant[STORE_NAME_MAX + 1];
    char session[STORE_NAME_MAX + 1];
};
int redis_pair_parse(const char *pair, size_t len, struct redis_names *ret_names);

#endif
