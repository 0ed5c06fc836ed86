/* What a backend does: keep records, blobs and leases. It knows neither what a
 * record says nor what a blob is a part of, and is not trusted: store.c seals
 * what goes in and checks what comes out. Functions follow store.h's statuses. */
#ifndef VIVARIUM_STORE_BACKEND_H
#define VIVARIUM_STORE_BACKEND_H

#include "supervisor/store/record.h"
#include "supervisor/store/store.h"
#include "supervisor/store/url.h"

struct backend_blob {
    struct hash hash;
    const uint8_t *data;
    size_t len;
};

/* One write, all or nothing, refused unless the lease's token is `token`, it
 * has not run out, and the stored generation is `expected` (0: no session). */
struct backend_commit {
    uint64_t token;
    uint64_t expected;
    uint64_t generation;
    const uint8_t *record; /* RECORD_SIZE bytes */
    uint64_t bytes;        /* that the session counts after it */
    uint64_t quota;        /* of the tenant; 0: none */
    int64_t expires_ns;    /* 0: never */
    const struct backend_blob *add;
    size_t add_count;
    const struct hash *drop;
    size_t drop_count;
};

/* The blob asked for as number `index`; data NULL: it is not there. Not 0 ends
 * the fetch with -1 (the callee has filled in err). */
typedef int backend_blob_each(void *arg, size_t index, const uint8_t *data, size_t len,
                              struct viv_error *err);
typedef void backend_list_each(void *arg, const char *session, const uint8_t *record, size_t len);

#define BACKEND_LIST_PART 256

struct backend;

struct backend_ops {
    void (*close)(struct backend *backend);
    /* Fails where the stored record has another size. */
    int (*record)(struct backend *backend, const struct store_key *key,
                  uint8_t ret_record[RECORD_SIZE], struct viv_error *err);
    /* Every blob that is kept for a session, those of an unfinished commit
     * included. The caller frees *ret_hashes. */
    int (*hashes)(struct backend *backend, const struct store_key *key, struct hash **ret_hashes,
                  size_t *ret_count, struct viv_error *err);
    int (*blobs)(struct backend *backend, const struct store_key *key, const struct hash *hashes,
                 size_t count, backend_blob_each *each, void *arg, struct viv_error *err);
    int (*commit)(struct backend *backend, const struct store_key *key,
                  const struct backend_commit *commit, struct viv_error *err);
    int (*remove)(struct backend *backend, const struct store_key *key, uint64_t token,
                  struct viv_error *err);
    /* Some BACKEND_LIST_PART more; memory, which waits for nothing, all at once. */
    int (*list)(struct backend *backend, const char *tenant, struct store_cursor *cursor,
                backend_list_each *each, void *arg, struct viv_error *err);
    int (*usage)(struct backend *backend, const char *tenant, uint64_t *ret_bytes,
                 struct viv_error *err);
    int (*expire)(struct backend *backend, int64_t now_ns, unsigned max, store_expire_each *each,
                  void *arg, unsigned *ret_count, struct viv_error *err);
    int (*acquire)(struct backend *backend, const struct store_key *key, const char *owner,
                   int64_t ttl_ns, uint64_t *ret_token, struct viv_error *err);
    int (*renew)(struct backend *backend, const struct store_key *key, uint64_t token,
                 int64_t ttl_ns, struct viv_error *err);
    int (*release)(struct backend *backend, const struct store_key *key, uint64_t token,
                   struct viv_error *err);
};

/* The head of each backend's own struct. */
struct backend {
    const struct backend_ops *ops;
};

/* `bytes_max`: of all tenants together; 0: any. */
int memory_open(uint64_t bytes_max, struct backend **ret_backend, struct viv_error *err);
int sqlite_open(const char *path, int64_t timeout_ns, struct backend **ret_backend,
                struct viv_error *err);
int redis_open(const struct url *url, int64_t timeout_ns, struct backend **ret_backend,
               struct viv_error *err);

/* The refusals that all backends share, in the same words. All return -1. */
int backend_no_session(const struct store_key *key, struct viv_error *err);
int backend_lease_lost(const struct store_key *key, struct viv_error *err);
int backend_lease_held(const struct store_key *key, struct viv_error *err);
int backend_other_generation(const struct store_key *key, uint64_t expected, uint64_t stored,
                             struct viv_error *err);
int backend_over_quota(const struct store_key *key, uint64_t quota, struct viv_error *err);
int backend_damaged(const struct store_key *key, const char *what, struct viv_error *err);
int backend_no_memory(struct viv_error *err);

#endif
