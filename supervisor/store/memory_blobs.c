#include "supervisor/store/memory_blobs.h"

#include <stdlib.h>
#include <string.h>

void memory_blobs_free(struct memory_blobs *blobs)
{
    for (size_t i = 0; i < blobs->count; i++)
        free((void *)blobs->list[i].data);
    free(blobs->list);
    *blobs = (struct memory_blobs){0};
}

const struct backend_blob *memory_blobs_find(const struct memory_blobs *blobs,
                                             const struct hash *hash)
{
    if (!blobs->count)
        return NULL;
    return bsearch(hash, blobs->list, blobs->count, sizeof(*blobs->list), hash_order);
}

static int copy_new(const struct backend_commit *commit, struct backend_blob *to)
{
    for (size_t i = 0; i < commit->add_count; i++) {
        uint8_t *copy = malloc(commit->add[i].len);

        if (!copy) {
            while (i--)
                free((void *)to[i].data);
            return -1;
        }
        memcpy(copy, commit->add[i].data, commit->add[i].len);
        to[i] = commit->add[i];
        to[i].data = copy;
    }
    return 0;
}

/* What stays, behind the new ones. Returns how many there are then. */
static size_t keep_old(const struct memory_blobs *blobs, const struct backend_commit *commit,
                       struct backend_blob *to)
{
    size_t count = commit->add_count;

    for (size_t i = 0; i < blobs->count; i++) {
        const struct backend_blob *old = &blobs->list[i];

        if (commit->drop_count &&
            bsearch(old, commit->drop, commit->drop_count, sizeof(*commit->drop), hash_order))
            free((void *)old->data);
        else
            to[count++] = *old;
    }
    return count;
}

int memory_blobs_change(struct memory_blobs *blobs, const struct backend_commit *commit,
                        struct viv_error *err)
{
    struct memory_blobs changed = {
        .list = calloc(blobs->count + commit->add_count + 1, sizeof(*changed.list))};

    if (!changed.list)
        return backend_no_memory(err);
    if (copy_new(commit, changed.list)) {
        free(changed.list);
        return backend_no_memory(err);
    }
    changed.count = keep_old(blobs, commit, changed.list);
    if (changed.count)
        qsort(changed.list, changed.count, sizeof(*changed.list), hash_order);
    free(blobs->list);
    *blobs = changed;
    return 0;
}
