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
    commit->bytes = record->meta.stored_bytes - RECORD_SIZE + STORE_SESSION_BYTES;
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

    free(writing->have);
    writing->have = NULL;
    if (store->backend->ops->hashes(store->backend, key, &writing->have, &have_count, err))
        return -1;
    chunk_difference(writing->blobs, count, writing->have, have_count, &commit.add_count,
                     &commit.drop_count);
    commit.add = writing->blobs;
    commit.drop = writing->have;
    return finish(store, key, writing, &commit, ret_written, err);
}

/* A record that bears our token is our own work: its writer was told that the
 * store did not answer, and the store has carried it out all the same, perhaps
 * only just now. True: *generation is that record's, and was an older one. */
static int is_own(const struct record *stored, uint64_t token, uint64_t *generation)
{
    if (stored->token != token || stored->meta.generation <= *generation)
        return 0;
    *generation = stored->meta.generation;
    return 1;
}

/* After a write upon *generation failed, with `why`: 0 where a write of our own
 * was in its way. */
static int find_own(struct store *store, const struct store_key *key, uint64_t token,
                    uint64_t *generation, struct viv_error *why, struct viv_error *err)
{
    struct viv_error unknown = {0};
    struct record stored;

    if (why->status == VIV_FAILED_PRECONDITION) {
        if (store_record(store, key, &stored, &unknown) == 0) {
            if (is_own(&stored, token, generation))
                return 0;
        } else if (unknown.status != VIV_NOT_FOUND) {
            *why = unknown; /* nor is it known that the session is another's */
        }
    }
    if (err)
        *err = *why;
    return -1;
}

/* The difference anew each time: a write that came late has dropped chunks. It
 * ends, since each time a write of ours that was lost has been found. */
static int put_upon_own(struct store *store, const struct store_key *key, struct writing *writing,
                        size_t count, uint64_t token, struct store_written *ret_written,
                        struct viv_error *err)
{
    uint64_t *generation = &writing->record.meta.generation, upon = *generation;
    struct viv_error why;

    while (put_difference(store, key, writing, count, token, ret_written, &why)) {
        if (find_own(store, key, token, &upon, &why, err))
            return -1;
        *generation = upon;
        chunk_unique(writing->blobs, count); /* in order again */
    }
    return 0;
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
        failed = put_upon_own(store, key, &writing, count, token, ret_written, err);
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

static int touch_once(struct store *store, const struct store_key *key, uint64_t token,
                      const struct store_meta *meta, uint64_t *upon,
                      struct store_written *ret_written, struct viv_error *err)
{
    struct backend_commit commit = {.token = token};
    struct writing writing = {0};
    struct store_meta stored;

    if (store_record(store, key, &writing.record, err))
        return -1;
    is_own(&writing.record, token, upon);
    stored = writing.record.meta;
    writing.record.meta = *meta;
    writing.record.meta.generation = *upon;
    keep_snapshot(&writing.record.meta, &stored);
    return finish(store, key, &writing, &commit, ret_written, err);
}

static int touch_upon_own(struct store *store, const struct store_key *key, uint64_t token,
                          const struct store_meta *meta, struct store_written *ret_written,
                          struct viv_error *err)
{
    uint64_t upon = meta->generation;
    struct viv_error why;

    while (touch_once(store, key, token, meta, &upon, ret_written, &why)) {
        if (find_own(store, key, token, &upon, &why, err))
            return -1;
    }
    return 0;
}

int store_touch(struct store *store, const struct store_key *key, uint64_t token,
                const struct store_meta *meta, struct store_written *ret_written,
                struct viv_error *err)
{
    int failed;

    if (store_check_key(key, err) || check_meta(meta, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = touch_upon_own(store, key, token, meta, ret_written, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}
