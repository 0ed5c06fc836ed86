/* What the store_*.c files share. */
#ifndef VIVARIUM_STORE_INTERNAL_H
#define VIVARIUM_STORE_INTERNAL_H

#include <pthread.h>

#include "supervisor/store/backend.h"

struct store {
    pthread_mutex_t lock; /* held during every call of the backend */
    struct backend *backend;
    struct seal *seal;
    uint64_t snapshot_bytes_max;
    uint64_t tenant_bytes_max;
};

int store_check_name(const char *what, const char *name, struct viv_error *err);
int store_check_key(const struct store_key *key, struct viv_error *err);

/* Seals a record, and opens one that the backend gave back. */
int store_seal(struct store *store, const struct store_key *key, const struct record *record,
               uint8_t ret_bytes[RECORD_SIZE], struct viv_error *err);
int store_unseal(struct store *store, const struct store_key *key, const uint8_t *bytes, size_t len,
                 struct record *ret_record, struct viv_error *err);

/* The session's record, checked. Under the lock. */
int store_record(struct store *store, const struct store_key *key, struct record *ret_record,
                 struct viv_error *err);

#endif
