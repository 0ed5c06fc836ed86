#include "supervisor/store/record.h"

#include <endian.h>
#include <string.h>

#include "supervisor/store/chunk.h"

int hash_order(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

static const uint8_t magic[4] = {'V', 'I', 'V', 'S'};

/* 1 had no profile. */
#define VERSION 2

/* Where each field stands. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_GENERATION = 8,
    AT_TOKEN = 16,
    AT_OPENED = 24,
    AT_LAST_USED = 32,
    AT_IDLE_TIMEOUT = 40,
    AT_SNAPSHOT = 48,
    AT_SNAPSHOT_BYTES = 56,
    AT_STORED_BYTES = 64,
    AT_INDEX_LEN = 72,
    AT_DURABILITY = 80,
    AT_PYTHON = 84,
    AT_INDEX_HASH = 116,
    AT_NODE = 148,
    AT_LIFE = 156,
    AT_EXECUTIONS = 164,
    AT_PROFILE = 172,
    AT_END = 236,
};

_Static_assert(AT_END == RECORD_BODY && AT_INDEX_HASH + HASH_SIZE == AT_NODE &&
                   AT_PYTHON + STORE_PYTHON_MAX + 1 == AT_INDEX_HASH &&
                   AT_PROFILE + STORE_PROFILE_MAX + 1 == AT_END,
               "the fields fill the record");

static void put_32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static void put_64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t get_32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t get_64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

void record_encode(const struct record *record, uint8_t ret_bytes[RECORD_SIZE])
{
    const struct store_meta *meta = &record->meta;

    memset(ret_bytes, 0, RECORD_SIZE);
    memcpy(ret_bytes + AT_MAGIC, magic, sizeof(magic));
    put_32(ret_bytes + AT_VERSION, VERSION);
    put_64(ret_bytes + AT_GENERATION, meta->generation);
    put_64(ret_bytes + AT_TOKEN, record->token);
    put_64(ret_bytes + AT_OPENED, (uint64_t)meta->opened_ns);
    put_64(ret_bytes + AT_LAST_USED, (uint64_t)meta->last_used_ns);
    put_64(ret_bytes + AT_IDLE_TIMEOUT, (uint64_t)meta->idle_timeout_ns);
    put_64(ret_bytes + AT_SNAPSHOT, (uint64_t)meta->snapshot_ns);
    put_64(ret_bytes + AT_SNAPSHOT_BYTES, meta->snapshot_bytes);
    put_64(ret_bytes + AT_STORED_BYTES, meta->stored_bytes);
    put_64(ret_bytes + AT_INDEX_LEN, record->index_len);
    put_32(ret_bytes + AT_DURABILITY, meta->durability);
    /* Nothing behind the NUL: a record has one encoding. */
    memcpy(ret_bytes + AT_PYTHON, meta->python, strnlen(meta->python, STORE_PYTHON_MAX));
    memcpy(ret_bytes + AT_INDEX_HASH, record->index_hash.bytes, HASH_SIZE);
    put_64(ret_bytes + AT_NODE, meta->node);
    put_64(ret_bytes + AT_LIFE, meta->life);
    put_64(ret_bytes + AT_EXECUTIONS, meta->executions);
    memcpy(ret_bytes + AT_PROFILE, meta->profile, strnlen(meta->profile, STORE_PROFILE_MAX));
}

static void decode_fields(const uint8_t *bytes, struct record *ret_record)
{
    struct store_meta *meta = &ret_record->meta;

    meta->generation = get_64(bytes + AT_GENERATION);
    ret_record->token = get_64(bytes + AT_TOKEN);
    meta->opened_ns = (int64_t)get_64(bytes + AT_OPENED);
    meta->last_used_ns = (int64_t)get_64(bytes + AT_LAST_USED);
    meta->idle_timeout_ns = (int64_t)get_64(bytes + AT_IDLE_TIMEOUT);
    meta->snapshot_ns = (int64_t)get_64(bytes + AT_SNAPSHOT);
    meta->snapshot_bytes = get_64(bytes + AT_SNAPSHOT_BYTES);
    meta->stored_bytes = get_64(bytes + AT_STORED_BYTES);
    ret_record->index_len = get_64(bytes + AT_INDEX_LEN);
    meta->durability = get_32(bytes + AT_DURABILITY);
    memcpy(meta->python, bytes + AT_PYTHON, sizeof(meta->python));
    memcpy(ret_record->index_hash.bytes, bytes + AT_INDEX_HASH, HASH_SIZE);
    meta->node = get_64(bytes + AT_NODE);
    meta->life = get_64(bytes + AT_LIFE);
    meta->executions = get_64(bytes + AT_EXECUTIONS);
    memcpy(meta->profile, bytes + AT_PROFILE, sizeof(meta->profile));
}

static int fields_make_sense(const struct record *record)
{
    const struct store_meta *meta = &record->meta;

    return meta->generation > 0 && meta->idle_timeout_ns >= 0 &&
           meta->python[STORE_PYTHON_MAX] == 0 && meta->profile[STORE_PROFILE_MAX] == 0 &&
           (meta->durability == STORE_ON_EVICTION || meta->durability == STORE_EVERY_EXECUTION) &&
           record->index_len % INDEX_ENTRY == 0 &&
           (record->index_len == 0) == (meta->snapshot_bytes == 0) &&
           /* every chunk but the last has its minimum */
           record->index_len / INDEX_ENTRY <= meta->snapshot_bytes / CHUNK_MIN + 1 &&
           record->index_len <= UINT32_MAX;
}

int record_decode(const uint8_t *bytes, size_t len, struct record *ret_record,
                  struct viv_error *err)
{
    struct record record;

    if (len != RECORD_SIZE || memcmp(bytes + AT_MAGIC, magic, sizeof(magic)) != 0)
        return viv_fail(err, VIV_INTERNAL, "this is not a session's record");
    if (get_32(bytes + AT_VERSION) != VERSION)
        return viv_fail(err, VIV_INTERNAL,
                        "the record has format version %u, this program reads %d",
                        get_32(bytes + AT_VERSION), VERSION);
    decode_fields(bytes, &record);
    if (!fields_make_sense(&record))
        return viv_fail(err, VIV_INTERNAL, "the fields of the record contradict each other");
    *ret_record = record;
    return 0;
}

void index_encode(uint32_t len, const struct hash *hash, uint8_t ret_entry[INDEX_ENTRY])
{
    put_32(ret_entry, len);
    memcpy(ret_entry + 4, hash->bytes, HASH_SIZE);
}

uint32_t index_entry(const uint8_t *index, size_t i, struct hash *ret_hash)
{
    const uint8_t *entry = index + i * INDEX_ENTRY;

    memcpy(ret_hash->bytes, entry + 4, HASH_SIZE);
    return get_32(entry);
}

int index_check(const uint8_t *index, size_t len, uint64_t snapshot_bytes, struct viv_error *err)
{
    uint64_t sum = 0;
    struct hash hash;
    uint32_t chunk;

    if (len % INDEX_ENTRY)
        return viv_fail(err, VIV_INTERNAL, "the index ends within an entry");
    for (size_t i = 0; i < len / INDEX_ENTRY; i++) {
        chunk = index_entry(index, i, &hash);
        if (chunk == 0 || chunk > CHUNK_MAX)
            return viv_fail(err, VIV_INTERNAL, "the index has a chunk of %u bytes", chunk);
        sum += chunk;
    }
    if (sum != snapshot_bytes)
        return viv_fail(err, VIV_INTERNAL, "the chunks of the index don't add up to the snapshot");
    return 0;
}
