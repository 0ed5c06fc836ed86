/* Cuts a snapshot where its content says so, so that the same bytes make the
 * same chunks wherever they stand: one changed name changes the chunk or two
 * that it lies in. Pure but for the hash. */
#ifndef VIVARIUM_STORE_CHUNK_H
#define VIVARIUM_STORE_CHUNK_H

#include "supervisor/store/backend.h"

#define CHUNK_MIN (8 * 1024)
#define CHUNK_MAX (128 * 1024)

/* Length of the first chunk of `len` bytes: len where that is CHUNK_MIN or
 * less, otherwise CHUNK_MIN to CHUNK_MAX. */
size_t chunk_cut(const uint8_t *bytes, size_t len);

/* SHA-256. */
int chunk_hash(const void *bytes, size_t len, struct hash *ret_hash, struct viv_error *err);

/* All chunks, in order, and room for one more behind them. The caller frees
 * *ret_chunks; they point into `bytes`. */
int chunk_all(const uint8_t *bytes, size_t len, struct backend_blob **ret_chunks, size_t *ret_count,
              struct viv_error *err);

/* Sorts by hash and leaves one of each. */
size_t chunk_unique(struct backend_blob *blobs, size_t count);

/* What has to be written and what may go: moves the blobs that are not in
 * `have` to the front of `want`, before the others, and the hashes that are not
 * in `want` to the front of `have`. `want` is as chunk_unique() leaves it. */
void chunk_difference(struct backend_blob *want, size_t want_count, struct hash *have,
                      size_t have_count, size_t *ret_add, size_t *ret_drop);

#endif
