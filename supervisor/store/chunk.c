#include "supervisor/store/chunk.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* A byte has left the 64 bits after as many further ones. */
#define WINDOW 64

/* One position in 2^15 is a cut: 40 KiB a chunk, the minimum included. Any
 * value will do but 0, at which a run of zeros would be cut everywhere. */
#define CUT_SHIFT 49
#define CUT_VALUE 0x1234
#define MIX UINT64_C(0x9E3779B97F4A7C15)

size_t chunk_cut(const uint8_t *bytes, size_t len)
{
    size_t end = len < CHUNK_MAX ? len : CHUNK_MAX;
    uint64_t window = 0;

    if (len <= CHUNK_MIN)
        return len;
    for (size_t i = CHUNK_MIN - WINDOW; i < end; i++) {
        window = (window << 1) + bytes[i];
        if (i + 1 >= CHUNK_MIN && (window * MIX) >> CUT_SHIFT == CUT_VALUE)
            return i + 1;
    }
    return end;
}

int chunk_hash(const void *bytes, size_t len, struct hash *ret_hash, struct viv_error *err)
{
    if (!EVP_Digest(bytes, len, ret_hash->bytes, NULL, EVP_sha256(), NULL))
        return viv_fail(err, VIV_INTERNAL, "libcrypto can't compute a SHA-256");
    return 0;
}

int chunk_all(const uint8_t *bytes, size_t len, struct backend_blob **ret_chunks, size_t *ret_count,
              struct viv_error *err)
{
    /* Every chunk but the last has its minimum; one more is for who adds the index. */
    struct backend_blob *chunks = calloc(len / CHUNK_MIN + 2, sizeof(*chunks));
    size_t count = 0;

    if (!chunks)
        return backend_no_memory(err);
    for (size_t at = 0; at < len; at += chunks[count++].len) {
        struct backend_blob *chunk = &chunks[count];

        chunk->data = bytes + at;
        chunk->len = chunk_cut(bytes + at, len - at);
        if (chunk_hash(chunk->data, chunk->len, &chunk->hash, err)) {
            free(chunks);
            return -1;
        }
    }
    *ret_chunks = chunks;
    *ret_count = count;
    return 0;
}

size_t chunk_unique(struct backend_blob *blobs, size_t count)
{
    size_t kept = 0;

    if (count == 0)
        return 0;
    qsort(blobs, count, sizeof(*blobs), hash_order);
    for (size_t i = 1; i < count; i++) {
        if (hash_order(&blobs[i], &blobs[kept]) != 0)
            blobs[++kept] = blobs[i];
    }
    return kept + 1;
}

void chunk_difference(struct backend_blob *want, size_t want_count, struct hash *have,
                      size_t have_count, size_t *ret_add, size_t *ret_drop)
{
    size_t add = 0, drop = 0, w = 0, h = 0;

    if (have_count)
        qsort(have, have_count, sizeof(*have), hash_order);
    while (w < want_count || h < have_count) {
        int order = w == want_count ? 1 : h == have_count ? -1 : hash_order(&want[w], &have[h]);

        if (order < 0) {
            const struct backend_blob there = want[add];

            want[add++] = want[w];
            want[w++] = there;
        } else if (order > 0) {
            have[drop++] = have[h++];
        } else {
            w++;
            h++;
        }
    }
    *ret_add = add;
    *ret_drop = drop;
}
