/* What Redis does in one step, as Lua scripts, and the names of its keys:
 *
 *     viv:s:N:TENANT:SESSION  hash: r, the record; g, its generation
 *     viv:b:N:TENANT:SESSION  hash: a blob by its hash
 *     viv:l:N:TENANT:SESSION  the lease, "TOKEN OWNER", expires by itself
 *     viv:t:TENANT            hash: stored bytes by session
 *     viv:expiry              sorted set: N:TENANT:SESSION by milliseconds
 *     viv:token               the last token
 *
 * N is the length of TENANT, so that no two pairs have one name. Every script
 * may be run again after an answer that was lost. */
#ifndef VIVARIUM_STORE_REDIS_SCRIPT_H
#define VIVARIUM_STORE_REDIS_SCRIPT_H

#include "supervisor/store/redis_conn.h"

enum redis_script {
    REDIS_ACQUIRE, /* owner, milliseconds -> token, or "" */
    REDIS_RENEW,   /* token, milliseconds */
    REDIS_RELEASE, /* token */
    REDIS_UPLOAD,  /* token, milliseconds to keep what never gets a record, then hash, bytes... */
    REDIS_COMMIT,  /* token, "1" to only ask, expected, generation, record, bytes, quota, expiry,
                      then hashes to drop... */
    REDIS_REMOVE,  /* token */
    REDIS_EXPIRE,  /* milliseconds now -> "1": a session is gone, "2": only blobs, "": it stays */
    REDIS_SCRIPTS,
};

/* Words of a call before the script's own. */
#define REDIS_SCRIPT_WORDS 11

#define REDIS_PAIR (2 * STORE_NAME_MAX + 8)

/* The keys of one session. */
struct redis_keys {
    char pair[REDIS_PAIR]; /* N:TENANT:SESSION */
    char record[REDIS_PAIR + 8];
    char blobs[REDIS_PAIR + 8];
    char lease[REDIS_PAIR + 8];
    char tenant[STORE_NAME_MAX + 8];
};

void redis_keys_of(const struct store_key *key, struct redis_keys *ret_keys);

/* Takes N:TENANT:SESSION apart; it may be anything. */
struct redis_names {
    char tenant[STORE_NAME_MAX + 1];
    char session[STORE_NAME_MAX + 1];
};
int redis_pair_parse(const char *pair, size_t len, struct redis_names *ret_names);

/* A call of a script, to which its own words are then added: at most `max`. */
int redis_script_begin(enum redis_script script, const struct redis_keys *keys, const char *session,
                       size_t max, struct redis_args *args, struct viv_error *err);

/* Sends it, frees `args`, and turns a refusal of the script into its error.
 * *ret_reply (may be NULL) is a string. */
int redis_script_run(struct redis_conn *conn, enum redis_script script, struct redis_args *args,
                     const struct store_key *key, redisReply **ret_reply, struct viv_error *err);

/* The same for a script that takes one or two numbers. */
int redis_script_numbers(struct redis_conn *conn, enum redis_script script,
                         const struct store_key *key, int64_t first, int64_t second,
                         redisReply **ret_reply, struct viv_error *err);

/* redis_expire.c; as the backend's, in milliseconds. */
int redis_expire(struct redis_conn *conn, int64_t now_ms, unsigned max, store_expire_each *each,
                 void *arg, unsigned *ret_count, struct viv_error *err);

#endif
