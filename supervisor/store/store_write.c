/* Records and snapshots on their way into a store. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/store/chunk.h"
#include "supervisor/store/store_internal.h"

/* One write under way. The index is kept like a chunk: it is one more blob that
 * is new when it has changed and goes when nothing names it. */
struct writing {
    struct record record;
    struct backend_blob *blobs; /* the chunks and the index, later what is new of them */
    struct hash *have;
    uint8_t *index;
    uint8_t sealed[RECORD_SIZE];
    unsigned chunks;
};

static void writing_free(struct writing *writing)
{
    free(writing->blobs);
    free(writing->have);
    free(writing->index);
}

static int check_meta(const struct store_meta *meta, struct viv_error *err)
{
    if (meta->idle_timeout_ns < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a session's idle timeout can't be negative");
    if (meta->durability != STORE_ON_EVICTION && meta->durability != STORE_EVERY_EXECUTION)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "there is no durability %d", meta->durability);
    if (memchr(meta->python, 0, sizeof(meta->python)) == NULL)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the interpreter's version has no end");
    return 0;
}

static int64_t expiry(const struct store_meta *meta)
{
    int64_t at;

    if (meta->idle_timeout_ns == 0 ||
        __builtin_add_overflow(meta->last_used_ns, meta->idle_timeout_ns, &at))
        return 0;
    return at > 0 ? at : 1;
}

/* The index as one more blob behind the chunks; chunk_all() left room for it. */
static int add_index(struct writing *writing, size_t count, struct viv_error *err)
{
    size_t len = count * INDEX_ENTRY;
    struct backend_blob *blob = &writing->blobs[count];

    writing->index = malloc(len + 1);
    if (!writing->index)
        return backend_no_memory(err);
    for (size_t i = 0; i < count; i++)
        index_encode((uint32_t)writing->blobs[i].len, &writing->blobs[i].hash,
                     writing->index + i * INDEX_ENTRY);
    blob->data = writing->index;
    blob->len = len;
    writing->record.index_len = len;
    if (chunk_hash(writing->index, len, &blob->hash, err))
        return -1;
    writing->record.index_hash = blob->hash;
    return 0;
}

/* Cuts the snapshot; *ret_count blobs are unique and sorted. */
static int cut(struct writing *writing, const void *bytes, size_t len, size_t *ret_count,
               struct viv_error *err)
{
    size_t count;

    if (chunk_all(bytes, len, &writing->blobs, &count, err))
        return -1;
    writing->chunks = (unsigned)count;
    if (count && add_index(writing, count, err))
        return -1;
    *ret_count = chunk_unique(writing->blobs, count ? count + 1 : 0);
    writing->record.meta.snapshot_bytes = len;
    writing->record.meta.stored_bytes = RECORD_SIZE;
    for (size_t i = 0; i < *ret_count; i++)
        writing->record.meta.stored_bytes += writing->blobs[i].len;
    return 0;
}

static void tell(const struct writing *writing, const struct backend_commit *commit,
                 struct store_written *ret_written)
{
    struct store_written written = {
        .generation = commit->generation,
        .bytes = RECORD_SIZE,
        .chunks = writing->chunks,
    };

    for (size_t i = 0; i < commit->add_count; i++) {
        written.bytes += commit->add[i].len;
        written.chunks_new += commit->add[i].data != writing->index;
    }
    *ret_written = written;
}

/* Seals the record and hands all to the backend. */
static int finish(struct store *store, const struct store_key *key, struct writing *writing,
                  struct backend_commit *commit, struct store_written *ret_written,
                  struct viv_error *err)
{
    struct record *record = &writing->record;

    commit->expected = record->meta.generation;
    commit->generation = ++record->meta.generation;
    record->token = commit->token;
    commit->record = writing->sealed;
    commit->bytes = record->meta.stored_bytes;
    commit->quota = record->meta.quota_bytes ? record->meta.quota_bytes : store->tenant_bytes_max;
    commit->expires_ns = expiry(&record->meta);
    if (store_seal(store, key, record, writing->sealed, err) ||
        store->backend->ops->commit(store->backend, key, commit, err))
        return -1;
    if (ret_written)
        tell(writing, commit, ret_written);
    return 0;
}

static int put_difference(struct store *store, const struct store_key *key, struct writing *writing,
                          size_t count, uint64_t token, struct store_written *ret_written,
                          struct viv_error *err)
{
    struct backend_commit commit = {.token = token};
    size_t have_count;

    if (store->backend->ops->hashes(store->backend, key, &writing->have, &have_count, err))
        return -1;
    chunk_difference(writing->blobs, count, writing->have, have_count, &commit.add_count,
                     &commit.drop_count);
    commit.add = writing->blobs;
    commit.drop = writing->have;
    return finish(store, key, writing, &commit, ret_written, err);
}

int store_put(struct store *store, const struct store_key *key, uint64_t token,
              const struct store_meta *meta, const void *bytes, size_t len,
              struct store_written *ret_written, struct viv_error *err)
{
    struct writing writing = {.record.meta = *meta};
    size_t count;
    int failed;

    if (store_check_key(key, err) || check_meta(meta, err))
        return -1;
    if (len > store->snapshot_bytes_max)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                        "the snapshot of session \"%s\" has %zu bytes, the store takes %llu",
                        key->session, len, (unsigned long long)store->snapshot_bytes_max);
    failed = cut(&writing, bytes, len, &count, err);
    if (!failed) {
        pthread_mutex_lock(&store->lock);
        failed = put_difference(store, key, &writing, count, token, ret_written, err);
        pthread_mutex_unlock(&store->lock);
    }
    writing_free(&writing);
    return failed;
}

/* What the caller may not say by a touch: it is the snapshot's. */
static void keep_snapshot(struct store_meta *meta, const struct store_meta *stored)
{
    meta->snapshot_ns = stored->snapshot_ns;
    meta->snapshot_bytes = stored->snapshot_bytes;
    meta->stored_bytes = stored->stored_bytes;
    memcpy(meta->python, stored->python, sizeof(meta->python));
}

static int touch_locked(struct store *store, const struct store_key *key, uint64_t token,
                        const struct store_meta *meta, struct store_written *ret_written,
                        struct viv_error *err)
{
    struct backend_commit commit = {.token = token};
    struct writing writing = {0};
    struct store_meta stored;

    if (store_record(store, key, &writing.record, err))
        return -1;
    stored = writing.record.meta;
    writing.record.meta = *meta;
    keep_snapshot(&writing.record.meta, &stored);
    return finish(store, key, &writing, &commit, ret_written, err);
}

int store_touch(struct store *store, const struct store_key *key, uint64_t token,
                const struct store_meta *meta, struct store_written *ret_written,
                struct viv_error *err)
{
    int failed;

    if (store_check_key(key, err) || check_meta(meta, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = touch_locked(store, key, token, meta, ret_written, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}
