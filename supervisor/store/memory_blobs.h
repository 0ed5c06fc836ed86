/* The blobs of one session, in memory: sorted by hash, each owning its data. */
#ifndef VIVARIUM_STORE_MEMORY_BLOBS_H
#define VIVARIUM_STORE_MEMORY_BLOBS_H

#include "supervisor/store/backend.h"

struct memory_blobs {
    struct backend_blob *list;
    size_t count;
};

void memory_blobs_free(struct memory_blobs *blobs);

/* NULL where there is none. */
const struct backend_blob *memory_blobs_find(const struct memory_blobs *blobs,
                                             const struct hash *hash);

/* Adds and drops what the commit says; nothing where there is no memory. */
int memory_blobs_change(struct memory_blobs *blobs, const struct backend_commit *commit,
                        struct viv_error *err);

#endif
