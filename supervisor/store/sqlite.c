/* The backend for one machine: a file, in which what was acknowledged stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/store/sqlite_db.h"

static struct sqlite *of(struct backend *backend)
{
    return (struct sqlite *)backend;
}

static void close_sqlite(struct backend *backend)
{
    sqlite_db_close(of(backend));
    free(backend);
}

static int get_record(struct backend *backend, const struct store_key *key,
                      uint8_t ret_record[RECORD_SIZE], struct viv_error *err)
{
    sqlite3_stmt *s = sqlite_begin(of(backend), SQL_RECORD, "tt", key->tenant, key->session);
    int result = sqlite_step(of(backend), s, err);
    const void *bytes;
    size_t len;

    if (result == 0) {
        result = backend_no_session(key, err);
    } else if (result > 0) {
        bytes = sqlite_bytes(s, 0, &len);
        if (len == RECORD_SIZE)
            memcpy(ret_record, bytes, RECORD_SIZE);
        else
            result = backend_damaged(key, "the record has another length", err);
    }
    sqlite_end(s);
    return result < 0 ? -1 : 0;
}

/* Adds a hash to a list that doubles. */
static int add_hash(struct hash **hashes, size_t *count, sqlite3_stmt *s)
{
    size_t len;
    const void *bytes = sqlite_bytes(s, 0, &len);

    if ((*count & (*count + 1)) == 0) {
        struct hash *grown = reallocarray(*hashes, 2 * *count + 2, sizeof(**hashes));

        if (!grown)
            return -1;
        *hashes = grown;
    }
    if (len == HASH_SIZE)
        memcpy((*hashes)[(*count)++].bytes, bytes, HASH_SIZE);
    return 0;
}

static int get_hashes(struct backend *backend, const struct store_key *key,
                      struct hash **ret_hashes, size_t *ret_count, struct viv_error *err)
{
    sqlite3_stmt *s = sqlite_begin(of(backend), SQL_HASHES, "tt", key->tenant, key->session);
    struct hash *hashes = NULL;
    size_t count = 0;
    int result;

    while ((result = sqlite_step(of(backend), s, err)) > 0) {
        if (add_hash(&hashes, &count, s)) {
            result = backend_no_memory(err);
            break;
        }
    }
    sqlite_end(s);
    if (result < 0) {
        free(hashes);
        return -1;
    }
    *ret_hashes = hashes;
    *ret_count = count;
    return 0;
}

static int get_blobs(struct backend *backend, const struct store_key *key,
                     const struct hash *hashes, size_t count, backend_blob_each *each, void *arg,
                     struct viv_error *err)
{
    int result = 0;

    for (size_t i = 0; i < count && result >= 0; i++) {
        sqlite3_stmt *s = sqlite_begin(of(backend), SQL_BLOB_DATA, "ttb", key->tenant, key->session,
                                       hashes[i].bytes, (size_t)HASH_SIZE);
        const void *bytes = NULL;
        size_t len = 0;

        result = sqlite_step(of(backend), s, err);
        if (result > 0)
            bytes = sqlite_bytes(s, 0, &len);
        if (result >= 0)
            result = each(arg, i, bytes, len, err);
        sqlite_end(s);
    }
    return result < 0 ? -1 : 0;
}

/* A commit, and the row that it is about. */
struct writing {
    const struct store_key *key;
    const struct backend_commit *commit;
    int64_t n;
    uint64_t generation; /* 0: there is no row */
    uint64_t bytes;
};

static int find(struct sqlite *sqlite, struct writing *writing, struct viv_error *err)
{
    sqlite3_stmt *s =
        sqlite_begin(sqlite, SQL_FIND, "tt", writing->key->tenant, writing->key->session);
    int found = sqlite_step(sqlite, s, err);

    if (found > 0) {
        writing->n = sqlite3_column_int64(s, 0);
        writing->generation = (uint64_t)sqlite3_column_int64(s, 1);
        writing->bytes = (uint64_t)sqlite3_column_int64(s, 2);
    }
    sqlite_end(s);
    return found < 0 ? -1 : 0;
}

static int get_usage(struct backend *backend, const char *tenant, uint64_t *ret_bytes,
                     struct viv_error *err)
{
    sqlite3_stmt *s = sqlite_begin(of(backend), SQL_USAGE, "t", tenant);
    int64_t bytes = 0;

    if (sqlite_number(of(backend), s, &bytes, err))
        return -1;
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

static int check_quota(struct sqlite *sqlite, const struct writing *writing, struct viv_error *err)
{
    const struct backend_commit *commit = writing->commit;
    uint64_t used;

    if (!commit->quota)
        return 0;
    if (get_usage(&sqlite->backend, writing->key->tenant, &used, err))
        return -1;
    if (used - writing->bytes + commit->bytes > commit->quota)
        return backend_over_quota(writing->key, commit->quota, err);
    return 0;
}

static int write_row(struct sqlite *sqlite, struct writing *writing, struct viv_error *err)
{
    const struct backend_commit *c = writing->commit;

    if (writing->generation)
        return sqlite_run(sqlite,
                          sqlite_begin(sqlite, SQL_REPLACE, "iiibi", (int64_t)c->generation,
                                       (int64_t)c->bytes, c->expires_ns, c->record,
                                       (size_t)RECORD_SIZE, writing->n),
                          err);
    if (sqlite_run(sqlite,
                   sqlite_begin(sqlite, SQL_CREATE, "ttiiib", writing->key->tenant,
                                writing->key->session, (int64_t)c->generation, (int64_t)c->bytes,
                                c->expires_ns, c->record, (size_t)RECORD_SIZE),
                   err))
        return -1;
    writing->n = sqlite3_last_insert_rowid(sqlite->db);
    return 0;
}

static int write_blobs(struct sqlite *sqlite, const struct writing *writing, struct viv_error *err)
{
    const struct backend_commit *c = writing->commit;
    int failed = 0;

    for (size_t i = 0; i < c->drop_count && !failed; i++)
        failed = sqlite_run(sqlite,
                            sqlite_begin(sqlite, SQL_DROP_BLOB, "ib", writing->n, c->drop[i].bytes,
                                         (size_t)HASH_SIZE),
                            err);
    for (size_t i = 0; i < c->add_count && !failed; i++)
        failed =
            sqlite_run(sqlite,
                       sqlite_begin(sqlite, SQL_ADD_BLOB, "ibb", writing->n, c->add[i].hash.bytes,
                                    (size_t)HASH_SIZE, c->add[i].data, c->add[i].len),
                       err);
    return failed;
}

static int commit_body(struct sqlite *sqlite, void *arg, struct viv_error *err)
{
    struct writing *writing = arg;

    if (sqlite_check_lease(sqlite, writing->key, writing->commit->token, err) ||
        find(sqlite, writing, err))
        return -1;
    if (writing->generation != writing->commit->expected)
        return backend_other_generation(writing->key, writing->commit->expected,
                                        writing->generation, err);
    if (check_quota(sqlite, writing, err) || write_row(sqlite, writing, err))
        return -1;
    return write_blobs(sqlite, writing, err);
}

static int commit(struct backend *backend, const struct store_key *key,
                  const struct backend_commit *commit, struct viv_error *err)
{
    struct writing writing = {.key = key, .commit = commit};

    return sqlite_transaction(of(backend), commit_body, &writing, err);
}

struct removing {
    const struct store_key *key;
    uint64_t token;
};

static int remove_body(struct sqlite *sqlite, void *arg, struct viv_error *err)
{
    const struct removing *removing = arg;
    const struct store_key *key = removing->key;

    if (sqlite_check_lease(sqlite, key, removing->token, err))
        return -1;
    return sqlite_run(sqlite, sqlite_begin(sqlite, SQL_REMOVE, "tt", key->tenant, key->session),
                      err);
}

static int remove_session(struct backend *backend, const struct store_key *key, uint64_t token,
                          struct viv_error *err)
{
    struct removing removing = {key, token};

    return sqlite_transaction(of(backend), remove_body, &removing, err);
}

static int list(struct backend *backend, const char *tenant, struct store_cursor *cursor,
                backend_list_each *each, void *arg, struct viv_error *err)
{
    const struct store_cursor after = *cursor;
    sqlite3_stmt *s =
        sqlite_begin(of(backend), SQL_LIST, "tti", tenant, after.at, (int64_t)BACKEND_LIST_PART);
    int result, count = 0;

    for (; (result = sqlite_step(of(backend), s, err)) > 0; count++) {
        const char *session = (const char *)sqlite3_column_text(s, 0);
        size_t len;
        const void *bytes = sqlite_bytes(s, 1, &len);

        if (!session) {
            result = backend_no_memory(err);
            break;
        }
        snprintf(cursor->at, sizeof(cursor->at), "%s", session);
        each(arg, session, bytes, len);
    }
    sqlite_end(s);
    /* A name that is none of ours may not lead back to where the list was. */
    cursor->over = count < BACKEND_LIST_PART || strcmp(cursor->at, after.at) <= 0;
    return result;
}

static int expire(struct backend *backend, int64_t now_ns, unsigned max, store_expire_each *each,
                  void *arg, unsigned *ret_count, struct viv_error *err)
{
    struct sqlite *sqlite = of(backend);
    int64_t lease_now = sqlite_lease_now();
    sqlite3_stmt *s =
        sqlite_begin(sqlite, SQL_EXPIRE, "itii", now_ns, sqlite->boot, lease_now, (int64_t)max);
    unsigned count = 0;
    int result;

    /* SQLite deletes them all before it returns the first. */
    for (; (result = sqlite_step(sqlite, s, err)) > 0; count++) {
        const struct store_key key = {(const char *)sqlite3_column_text(s, 0),
                                      (const char *)sqlite3_column_text(s, 1)};

        if (each && key.tenant && key.session)
            each(arg, &key);
    }
    sqlite_end(s);
    if (result ||
        sqlite_run(sqlite, sqlite_begin(sqlite, SQL_FORGET_LEASES, "ti", sqlite->boot, lease_now),
                   err))
        return -1;
    *ret_count = count;
    return 0;
}

static const struct backend_ops sqlite_ops = {
    .close = close_sqlite,
    .record = get_record,
    .hashes = get_hashes,
    .blobs = get_blobs,
    .commit = commit,
    .remove = remove_session,
    .list = list,
    .usage = get_usage,
    .expire = expire,
    .acquire = sqlite_acquire,
    .renew = sqlite_renew,
    .release = sqlite_release,
};

int sqlite_open(const char *path, int64_t timeout_ns, struct backend **ret_backend,
                struct viv_error *err)
{
    struct sqlite *sqlite = calloc(1, sizeof(*sqlite));

    if (!sqlite)
        return backend_no_memory(err);
    sqlite->backend.ops = &sqlite_ops;
    if (sqlite_db_open(path, timeout_ns, sqlite, err)) {
        close_sqlite(&sqlite->backend);
        return -1;
    }
    *ret_backend = &sqlite->backend;
    return 0;
}
