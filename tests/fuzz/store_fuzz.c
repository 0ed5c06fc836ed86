/* What a store hands back, as if its seal had held, and the URL of a store. The
 * first byte of the input says which parser gets the rest. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/store/chunk.h"
#include "supervisor/store/record.h"
#include "supervisor/store/redis_keys.h"
#include "supervisor/store/url.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

/* One encoding a record, and an index that belongs to its snapshot. */
static void fuzz_record(const uint8_t *data, size_t size)
{
    struct record record;
    uint8_t again[RECORD_SIZE];

    if (record_decode(data, size, &record, NULL))
        return;
    require(size == RECORD_SIZE && record.index_len % INDEX_ENTRY == 0);
    require(record.index_len / INDEX_ENTRY <= record.meta.snapshot_bytes / CHUNK_MIN + 1);
    record_encode(&record, again);
    require(memchr(record.meta.python, 0, sizeof(record.meta.python)) != NULL);
    require(memcmp(again, data, RECORD_BODY - HASH_SIZE - sizeof(record.meta.python)) == 0);
}

static void fuzz_index(const uint8_t *data, size_t size)
{
    uint64_t claimed, sum = 0;
    struct hash hash;

    if (size < sizeof(claimed))
        return;
    memcpy(&claimed, data, sizeof(claimed));
    data += sizeof(claimed);
    size -= sizeof(claimed);
    if (index_check(data, size, claimed, NULL))
        return;
    for (size_t i = 0; i < size / INDEX_ENTRY; i++) {
        uint32_t len = index_entry(data, i, &hash);

        require(len > 0 && len <= CHUNK_MAX);
        sum += len;
    }
    require(sum == claimed);
}

static void fuzz_url(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct url url;

    if (text && url_parse(text, &url, NULL) == 0) {
        require(memchr(url.path, 0, URL_PART_MAX) && memchr(url.host, 0, URL_PART_MAX));
        require(memchr(url.password, 0, URL_PART_MAX) && url.port >= 0 && url.port < 65536);
    }
    free(text);
}

static void fuzz_pair(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct redis_names names;

    if (text && redis_pair_parse(text, strlen(text), &names) == 0) {
        require(memchr(names.tenant, 0, sizeof(names.tenant)) != NULL);
        require(memchr(names.session, 0, sizeof(names.session)) != NULL);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *data, size_t size) = {fuzz_record, fuzz_index,
                                                                        fuzz_url, fuzz_pair};

    if (size > 0)
        targets[data[0] % 4](data + 1, size - 1);
    return 0;
}
