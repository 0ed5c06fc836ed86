/* The two formats of what is kept, both of fixed fields, little-endian.
 *
 * Record, RECORD_SIZE bytes: who and when, how long the snapshot is, the hash
 * of the index, and at the end the seal (seal.h) over all before it.
 * Index: the chunks of the snapshot in order, 36 bytes each: length, hash.
 *
 * So the seal over these bytes vouches for the whole snapshot, a record can be
 * looked at without its chunks, and neither has a length that is believed
 * before it is checked. Pure. */
#ifndef VIVARIUM_STORE_RECORD_H
#define VIVARIUM_STORE_RECORD_H

#include "supervisor/store/seal.h"
#include "supervisor/store/store.h"

#define HASH_SIZE 32

struct hash {
    uint8_t bytes[HASH_SIZE];
};

/* For qsort(3) and bsearch(3), of hashes and of what begins with one. */
int hash_order(const void *a, const void *b);

#define RECORD_BODY 236
#define RECORD_SIZE (RECORD_BODY + SEAL_SIZE)
#define INDEX_ENTRY (4 + HASH_SIZE)

/* What is in a record beside what a caller sees. */
struct record {
    struct store_meta meta;
    uint64_t token; /* of the lease under which it was written */
    uint64_t index_len;
    struct hash index_hash;
};

/* Writes the first RECORD_BODY bytes. */
void record_encode(const struct record *record, uint8_t ret_bytes[RECORD_SIZE]);

/* VIV_INTERNAL for what record_encode() would never write. The seal is not
 * looked at. */
int record_decode(const uint8_t *bytes, size_t len, struct record *ret_record,
                  struct viv_error *err);

void index_encode(uint32_t len, const struct hash *hash, uint8_t ret_entry[INDEX_ENTRY]);

/* Entry number `i` of an index that index_check() has passed. */
uint32_t index_entry(const uint8_t *index, size_t i, struct hash *ret_hash);

/* Whole entries, none of them empty or longer than a chunk may be, that add up
 * to `snapshot_bytes`. */
int index_check(const uint8_t *index, size_t len, uint64_t snapshot_bytes, struct viv_error *err);

#endif
