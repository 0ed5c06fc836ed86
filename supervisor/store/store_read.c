/* Records and snapshots on their way back: nothing is used before it is
 * checked, and no length is believed before the seal vouches for it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/store/chunk.h"
#include "supervisor/store/store_internal.h"

/* A reader holds no lease: the session may be written while it is read. Then
 * the record is another one afterwards, and reading starts again. */
#define TRIES 5

int store_seal(struct store *store, const struct store_key *key, const struct record *record,
               uint8_t ret_bytes[RECORD_SIZE], struct viv_error *err)
{
    record_encode(record, ret_bytes);
    return seal_make(store->seal, key->tenant, key->session, ret_bytes, RECORD_BODY,
                     ret_bytes + RECORD_BODY, err);
}

int store_unseal(struct store *store, const struct store_key *key, const uint8_t *bytes, size_t len,
                 struct record *ret_record, struct viv_error *err)
{
    struct viv_error why;

    if (len != RECORD_SIZE)
        return backend_damaged(key, "the record has another length", err);
    if (seal_check(store->seal, key->tenant, key->session, bytes, RECORD_BODY, bytes + RECORD_BODY,
                   &why) ||
        record_decode(bytes, len, ret_record, &why))
        return backend_damaged(key, why.text, err);
    return 0;
}

int store_record(struct store *store, const struct store_key *key, struct record *ret_record,
                 struct viv_error *err)
{
    uint8_t bytes[RECORD_SIZE];

    if (store->backend->ops->record(store->backend, key, bytes, err))
        return -1;
    return store_unseal(store, key, bytes, sizeof(bytes), ret_record, err);
}

/* Blobs on their way to their places. */
struct reading {
    const struct store_key *key;
    const struct hash *hashes;
    const uint32_t *lens;
    uint8_t *to; /* where the next one goes: they come in order */
    size_t next;
};

static int take_blob(void *arg, size_t index, const uint8_t *data, size_t len,
                     struct viv_error *err)
{
    struct reading *reading = arg;
    struct hash hash;

    if (index != reading->next++ || !data)
        return backend_damaged(reading->key, "a part of the snapshot is missing", err);
    if (len != reading->lens[index])
        return backend_damaged(reading->key, "a part of the snapshot has another length", err);
    if (chunk_hash(data, len, &hash, err))
        return -1;
    if (memcmp(hash.bytes, reading->hashes[index].bytes, HASH_SIZE) != 0)
        return backend_damaged(reading->key, "a part of the snapshot was changed", err);
    memcpy(reading->to, data, len);
    reading->to += len;
    return 0;
}

static int read_blobs(struct store *store, struct reading *reading, size_t count,
                      struct viv_error *err)
{
    if (store->backend->ops->blobs(store->backend, reading->key, reading->hashes, count, take_blob,
                                   reading, err))
        return -1;
    if (reading->next != count)
        return backend_damaged(reading->key, "a part of the snapshot is missing", err);
    return 0;
}

static int read_index(struct store *store, const struct store_key *key, const struct record *record,
                      uint8_t **ret_index, struct viv_error *err)
{
    uint32_t len = (uint32_t)record->index_len;
    uint8_t *index = malloc(len);
    struct reading reading = {.key = key, .hashes = &record->index_hash, .lens = &len, .to = index};
    struct viv_error why;

    if (!index)
        return backend_no_memory(err);
    if (read_blobs(store, &reading, 1, err))
        goto fail;
    if (index_check(index, len, record->meta.snapshot_bytes, &why)) {
        backend_damaged(key, why.text, err);
        goto fail;
    }
    *ret_index = index;
    return 0;
fail:
    free(index);
    return -1;
}

/* All chunks of a checked index into `to`. */
static int read_chunks(struct store *store, const struct store_key *key, const uint8_t *index,
                       size_t count, uint8_t *to, struct viv_error *err)
{
    struct hash *hashes = calloc(count, sizeof(*hashes));
    uint32_t *lens = calloc(count, sizeof(*lens));
    struct reading reading = {.key = key, .hashes = hashes, .lens = lens, .to = to};
    int failed = -1;

    if (hashes && lens) {
        for (size_t i = 0; i < count; i++)
            lens[i] = index_entry(index, i, &hashes[i]);
        failed = read_blobs(store, &reading, count, err);
    } else {
        backend_no_memory(err);
    }
    free(hashes);
    free(lens);
    return failed;
}

static int check_size(struct store *store, const struct store_key *key, const struct record *record,
                      struct viv_error *err)
{
    if (record->meta.snapshot_bytes > store->snapshot_bytes_max)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                        "the snapshot of session \"%s\" of tenant \"%s\" has %" PRIu64
                        " bytes, this supervisor takes %" PRIu64,
                        key->session, key->tenant, record->meta.snapshot_bytes,
                        store->snapshot_bytes_max);
    return 0;
}

static int read_snapshot(struct store *store, const struct store_key *key,
                         const struct record *record, void **ret_bytes, struct viv_error *err)
{
    uint8_t *index = NULL, *bytes;
    int failed;

    if (check_size(store, key, record, err))
        return -1;
    bytes = malloc(record->meta.snapshot_bytes + 1);
    if (!bytes)
        return backend_no_memory(err);
    failed = record->index_len &&
             (read_index(store, key, record, &index, err) ||
              read_chunks(store, key, index, record->index_len / INDEX_ENTRY, bytes, err));
    free(index);
    if (failed) {
        free(bytes);
        return -1;
    }
    *ret_bytes = bytes;
    return 0;
}

static int get_once(struct store *store, const struct store_key *key, uint64_t generation_min,
                    struct record *record, void **ret_bytes, struct viv_error *err)
{
    if (store_record(store, key, record, err))
        return -1;
    if (record->meta.generation < generation_min)
        return backend_damaged(key, "it is older than what was written: it was rolled back", err);
    return ret_bytes ? read_snapshot(store, key, record, ret_bytes, err) : 0;
}

static int written_meanwhile(struct store *store, const struct store_key *key, uint64_t generation)
{
    struct record now = {0};

    return store_record(store, key, &now, NULL) == 0 && now.meta.generation != generation;
}

int store_get(struct store *store, const struct store_key *key, uint64_t generation_min,
              struct store_meta *ret_meta, void **ret_bytes, size_t *ret_len, struct viv_error *err)
{
    struct record record = {0};
    int failed, tries = 0;

    if (store_check_key(key, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    do {
        failed = get_once(store, key, generation_min, &record, ret_bytes, err);
    } while (failed && ret_bytes && ++tries < TRIES &&
             written_meanwhile(store, key, record.meta.generation));
    pthread_mutex_unlock(&store->lock);
    if (failed)
        return -1;
    *ret_meta = record.meta;
    if (ret_bytes)
        *ret_len = record.meta.snapshot_bytes;
    return 0;
}

struct listing {
    struct store *store;
    const char *tenant;
    store_list_each *each;
    void *arg;
};

static void list_one(void *arg, const char *session, const uint8_t *bytes, size_t len)
{
    struct listing *listing = arg;
    const struct store_key key = {listing->tenant, session};
    struct viv_error damage = {0};
    struct record record;

    if (store_unseal(listing->store, &key, bytes, len, &record, &damage))
        listing->each(listing->arg, session, NULL, &damage);
    else
        listing->each(listing->arg, session, &record.meta, NULL);
}

int store_list(struct store *store, const char *tenant, struct store_cursor *cursor,
               store_list_each *each, void *arg, struct viv_error *err)
{
    struct listing listing = {store, tenant, each, arg};
    int failed;

    if (store_check_name("tenant", tenant, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->list(store->backend, tenant, cursor, list_one, &listing, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}
