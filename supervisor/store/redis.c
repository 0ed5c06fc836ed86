/* The backend for many machines: one Redis, in which every step that decides
 * something is a script, and so happens at once or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/store/redis_script.h"

/* Bytes of one upload, and blobs of one fetch: what a reply may take here. */
#define UPLOAD_BYTES (1024 * 1024)
#define FETCH_BLOBS 16
#define ORPHAN_NS (INT64_C(24) * 3600 * 1000 * 1000 * 1000)

struct redis {
    struct backend backend;
    struct redis_conn conn;
};

static struct redis_conn *of(struct backend *backend)
{
    return &((struct redis *)backend)->conn;
}

/* Rounded up: nothing ends before its holder thinks it does. */
static int64_t milliseconds(int64_t ns)
{
    return ns / 1000000 + (ns % 1000000 > 0);
}

static void close_redis(struct backend *backend)
{
    redis_conn_close(of(backend));
    free(backend);
}

static int get_record(struct backend *backend, const struct store_key *key,
                      uint8_t ret_record[RECORD_SIZE], struct viv_error *err)
{
    struct redis_keys keys;
    struct viv_error why;
    redisReply *reply;
    int failed = 0;

    redis_keys_of(key, &keys);
    if (redis_command(of(backend), (const char *[]){"HGET", keys.record, "r"}, 3,
                      REDIS_REPLY_STRING, &reply, &why))
        return why.status == VIV_NOT_FOUND ? backend_no_session(key, err)
                                           : viv_fail(err, why.status, "%s", why.text);
    if ((size_t)reply->len == RECORD_SIZE)
        memcpy(ret_record, reply->str, RECORD_SIZE);
    else
        failed = backend_damaged(key, "the record has another length", err);
    freeReplyObject(reply);
    return failed;
}

static int get_hashes(struct backend *backend, const struct store_key *key,
                      struct hash **ret_hashes, size_t *ret_count, struct viv_error *err)
{
    struct redis_keys keys;
    struct hash *hashes;
    redisReply *reply;
    size_t count = 0;

    redis_keys_of(key, &keys);
    if (redis_command(of(backend), (const char *[]){"HKEYS", keys.blobs}, 2, REDIS_REPLY_ARRAY,
                      &reply, err))
        return -1;
    hashes = calloc(reply->elements + 1, sizeof(*hashes));
    for (size_t i = 0; hashes && i < reply->elements; i++) {
        const redisReply *one = reply->element[i];

        if (one->type == REDIS_REPLY_STRING && (size_t)one->len == HASH_SIZE)
            memcpy(hashes[count++].bytes, one->str, HASH_SIZE);
    }
    freeReplyObject(reply);
    if (!hashes)
        return backend_no_memory(err);
    *ret_hashes = hashes;
    *ret_count = count;
    return 0;
}

static int fetch(struct redis_conn *conn, const char *blobs, const struct hash *hashes,
                 size_t count, redisReply **ret_reply, struct viv_error *err)
{
    struct redis_args args;
    int failed;

    if (redis_args_init(&args, 2 + count, err))
        return -1;
    redis_add_text(&args, "HMGET");
    redis_add_text(&args, blobs);
    for (size_t i = 0; i < count; i++)
        redis_add(&args, hashes[i].bytes, HASH_SIZE);
    failed = redis_call(conn, &args, REDIS_REPLY_ARRAY, ret_reply, err);
    redis_args_free(&args);
    return failed;
}

static int get_blobs(struct backend *backend, const struct store_key *key,
                     const struct hash *hashes, size_t count, backend_blob_each *each, void *arg,
                     struct viv_error *err)
{
    struct redis_keys keys;
    redisReply *reply;
    int failed = 0;

    redis_keys_of(key, &keys);
    for (size_t at = 0; at < count && !failed; at += FETCH_BLOBS) {
        size_t batch = count - at < FETCH_BLOBS ? count - at : FETCH_BLOBS;

        if (fetch(of(backend), keys.blobs, hashes + at, batch, &reply, err))
            return -1;
        for (size_t i = 0; i < batch && i < reply->elements && !failed; i++) {
            const redisReply *one = reply->element[i];

            failed = each(arg, at + i,
                          one->type == REDIS_REPLY_STRING ? (const uint8_t *)one->str : NULL,
                          (size_t)one->len, err);
        }
        freeReplyObject(reply);
    }
    return failed;
}

/* The first blobs of `add`, as many as make an upload; *ret_sent says how many. */
static int upload(struct redis_conn *conn, const struct store_key *key,
                  const struct redis_keys *keys, uint64_t token, const struct backend_blob *add,
                  size_t count, size_t *ret_sent, struct viv_error *err)
{
    struct redis_args args;
    size_t sent = 0, bytes = 0;

    while (sent < count && (sent == 0 || bytes + add[sent].len <= UPLOAD_BYTES))
        bytes += add[sent++].len;
    if (redis_script_begin(REDIS_UPLOAD, keys, key->session, 2 + 2 * sent, &args, err))
        return -1;
    redis_add_number(&args, (int64_t)token);
    redis_add_number(&args, milliseconds(clock_realtime() + ORPHAN_NS));
    for (size_t i = 0; i < sent; i++) {
        redis_add(&args, add[i].hash.bytes, HASH_SIZE);
        redis_add(&args, add[i].data, add[i].len);
    }
    *ret_sent = sent;
    return redis_script_run(conn, REDIS_UPLOAD, &args, key, NULL, err);
}

static int commit_step(struct redis_conn *conn, const struct store_key *key,
                       const struct redis_keys *keys, const struct backend_commit *commit, int ask,
                       struct viv_error *err)
{
    size_t drops = ask ? 0 : commit->drop_count;
    struct redis_args args;

    if (redis_script_begin(REDIS_COMMIT, keys, key->session, 8 + drops, &args, err))
        return -1;
    redis_add_number(&args, (int64_t)commit->token);
    redis_add_text(&args, ask ? "1" : "0");
    redis_add_number(&args, (int64_t)commit->expected);
    redis_add_number(&args, (int64_t)commit->generation);
    redis_add(&args, commit->record, RECORD_SIZE);
    redis_add_number(&args, (int64_t)commit->bytes);
    redis_add_number(&args, (int64_t)commit->quota);
    redis_add_number(&args, milliseconds(commit->expires_ns));
    for (size_t i = 0; i < drops; i++)
        redis_add(&args, commit->drop[i].bytes, HASH_SIZE);
    return redis_script_run(conn, REDIS_COMMIT, &args, key, NULL, err);
}

/* Asks first, so that nothing is sent that will be refused. Blobs that are sent
 * and then not named by a record do no harm: the next commit drops them. */
static int commit(struct backend *backend, const struct store_key *key,
                  const struct backend_commit *commit, struct viv_error *err)
{
    struct redis_conn *conn = of(backend);
    struct redis_keys keys;
    size_t sent;

    redis_keys_of(key, &keys);
    if (commit->add_count && commit_step(conn, key, &keys, commit, 1, err))
        return -1;
    for (size_t at = 0; at < commit->add_count; at += sent) {
        if (upload(conn, key, &keys, commit->token, commit->add + at, commit->add_count - at, &sent,
                   err))
            return -1;
    }
    return commit_step(conn, key, &keys, commit, 0, err);
}

static int remove_session(struct backend *backend, const struct store_key *key, uint64_t token,
                          struct viv_error *err)
{
    return redis_script_numbers(of(backend), REDIS_REMOVE, key, (int64_t)token, 0, NULL, err);
}

static void list_one(const redisReply *session, const redisReply *record, backend_list_each *each,
                     void *arg)
{
    if (session->type != REDIS_REPLY_STRING || session->len == 0 || session->len > STORE_NAME_MAX)
        return;
    if (record->type == REDIS_REPLY_STRING)
        each(arg, session->str, (const uint8_t *)record->str, (size_t)record->len);
}

/* The sessions with their records, in one step for so many. */
static int list(struct backend *backend, const char *tenant, struct store_cursor *cursor,
                backend_list_each *each, void *arg, struct viv_error *err)
{
    struct redis_keys keys;
    struct redis_args args;
    redisReply *reply;
    int failed;

    redis_keys_of(&(struct store_key){tenant, ""}, &keys);
    if (redis_script_begin(REDIS_LIST, &keys, "", 2, &args, err))
        return -1;
    redis_add_text(&args, *cursor->at ? cursor->at : "0");
    redis_add_number(&args, BACKEND_LIST_PART);
    failed = redis_call(of(backend), &args, REDIS_REPLY_ARRAY, &reply, err);
    redis_args_free(&args);
    if (failed)
        return -1;
    for (size_t i = 1; i + 1 < reply->elements; i += 2)
        list_one(reply->element[i], reply->element[i + 1], each, arg);
    snprintf(cursor->at, sizeof(cursor->at), "%s",
             reply->elements && reply->element[0]->type == REDIS_REPLY_STRING
                 ? reply->element[0]->str
                 : "0");
    cursor->over = strcmp(cursor->at, "0") == 0;
    freeReplyObject(reply);
    return 0;
}

static int usage(struct backend *backend, const char *tenant, uint64_t *ret_bytes,
                 struct viv_error *err)
{
    const struct store_key key = {tenant, ""};
    struct redis_keys keys;
    struct redis_args args;
    redisReply *reply;

    redis_keys_of(&key, &keys);
    if (redis_script_begin(REDIS_USAGE, &keys, key.session, 0, &args, err) ||
        redis_script_run(of(backend), REDIS_USAGE, &args, &key, &reply, err))
        return -1;
    *ret_bytes = strtoull(reply->str, NULL, 10);
    freeReplyObject(reply);
    return 0;
}

static int expire(struct backend *backend, int64_t now_ns, unsigned max, store_expire_each *each,
                  void *arg, unsigned *ret_count, struct viv_error *err)
{
    return redis_expire(of(backend), now_ns / 1000000, max, each, arg, ret_count, err);
}

static int acquire(struct backend *backend, const struct store_key *key, const char *owner,
                   int64_t ttl_ns, uint64_t *ret_token, struct viv_error *err)
{
    struct redis_keys keys;
    struct redis_args args;
    redisReply *reply;
    uint64_t token;

    redis_keys_of(key, &keys);
    if (redis_script_begin(REDIS_ACQUIRE, &keys, key->session, 2, &args, err))
        return -1;
    redis_add_text(&args, owner);
    redis_add_number(&args, milliseconds(ttl_ns));
    if (redis_script_run(of(backend), REDIS_ACQUIRE, &args, key, &reply, err))
        return -1;
    token = strtoull(reply->str, NULL, 10);
    freeReplyObject(reply);
    if (token == 0)
        return backend_damaged(key, "the lease has no token", err);
    *ret_token = token;
    return 0;
}

static int renew(struct backend *backend, const struct store_key *key, uint64_t token,
                 int64_t ttl_ns, struct viv_error *err)
{
    return redis_script_numbers(of(backend), REDIS_RENEW, key, (int64_t)token, milliseconds(ttl_ns),
                                NULL, err);
}

static int release(struct backend *backend, const struct store_key *key, uint64_t token,
                   struct viv_error *err)
{
    struct viv_error why;

    if (redis_script_numbers(of(backend), REDIS_RELEASE, key, (int64_t)token, 0, NULL, &why) &&
        why.status != VIV_FAILED_PRECONDITION)
        return viv_fail(err, why.status, "%s", why.text);
    return 0;
}

static const struct backend_ops redis_ops = {
    .close = close_redis,
    .record = get_record,
    .hashes = get_hashes,
    .blobs = get_blobs,
    .commit = commit,
    .remove = remove_session,
    .list = list,
    .usage = usage,
    .expire = expire,
    .acquire = acquire,
    .renew = renew,
    .release = release,
};

int redis_open(const struct url *url, int64_t timeout_ns, struct backend **ret_backend,
               struct viv_error *err)
{
    struct redis *redis = calloc(1, sizeof(*redis));

    if (!redis)
        return backend_no_memory(err);
    redis->backend.ops = &redis_ops;
    redis_conn_init(&redis->conn, url, timeout_ns);
    if (redis_conn_open(&redis->conn, err)) {
        close_redis(&redis->backend);
        return -1;
    }
    *ret_backend = &redis->backend;
    return 0;
}
