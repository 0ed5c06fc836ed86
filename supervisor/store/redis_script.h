/* What Redis does in one step, as Lua scripts. Each may be run again after an
 * answer that was lost. */
#ifndef VIVARIUM_STORE_REDIS_SCRIPT_H
#define VIVARIUM_STORE_REDIS_SCRIPT_H

#include "supervisor/store/redis_conn.h"
#include "supervisor/store/redis_keys.h"

enum redis_script {
    REDIS_ACQUIRE, /* owner, milliseconds -> token */
    REDIS_RENEW,   /* token, milliseconds */
    REDIS_RELEASE, /* token */
    REDIS_UPLOAD,  /* token, milliseconds to keep what never gets a record, then hash, bytes... */
    REDIS_COMMIT,  /* token, "1" to only ask, expected, generation, record, bytes, quota, expiry,
                      then hashes to drop... */
    REDIS_REMOVE,  /* token */
    REDIS_EXPIRE,  /* milliseconds now -> "1": a session is gone, "2": only blobs, "": it stays */
    REDIS_USAGE,   /* -> bytes */
    REDIS_LIST,    /* cursor, how many -> cursor, then session, record... */
    REDIS_SCRIPTS,
};

/* Words of a call before the script's own. */
#define REDIS_SCRIPT_WORDS 12

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
