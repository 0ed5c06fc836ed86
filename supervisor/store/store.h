/* Where sessions are kept: one sealed record per (tenant, session), and the
 * bytes of its snapshot, of which only what changed is written.
 *
 *     store_open(&config, &store, &err);
 *     store_acquire(store, &key, "node-1", 30 * 1000000000LL, &lease, &err);
 *     store_put(store, &key, lease.token, &meta, bytes, len, &stats, &err);
 *     ...
 *     store_get(store, &key, 0, &meta, &bytes, &len, &err);
 *
 * Threads: any thread may call; calls are carried out one at a time and block
 * (a disk, a network), so a reactor goes through store_thread.h. A callback
 * may not call the store.
 *
 * Statuses, for every function here:
 *   VIV_NOT_FOUND            no such session
 *   VIV_FAILED_PRECONDITION  the lease is lost, or the generation is another one
 *   VIV_RESOURCE_EXHAUSTED   over the quota, the disk is full, no memory
 *   VIV_UNAVAILABLE          the store can't be reached or is busy: try again
 *   VIV_INTERNAL             what the store gave back is not what was put into
 *                            it; the text names tenant and session
 *   VIV_INVALID_ARGUMENT     a URL, a name or a value that can't be */
#ifndef VIVARIUM_STORE_H
#define VIVARIUM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

/* Longest tenant, session and owner, in bytes. */
#define STORE_NAME_MAX 128
#define STORE_PYTHON_MAX 31
#define STORE_PROFILE_MAX 63

/* What a session counts against its tenant's quota, and against the bound of
 * memory:, beside the bytes of its snapshot: what its record, names and lease take
 * up in any store at most. So a bound of bytes is one of sessions, too. */
#define STORE_SESSION_BYTES 4096

/* The values are kept on disk. */
enum store_durability { STORE_ON_EVICTION = 1, STORE_EVERY_EXECUTION = 2 };

/* Not empty, no NUL; any other bytes. */
struct store_key {
    const char *tenant;
    const char *session;
};

/* Points in time are CLOCK_REALTIME: they outlive a boot. */
struct store_meta {
    uint64_t generation; /* counts the writes of the session, from 1 */
    int64_t opened_ns;
    int64_t last_used_ns;
    int64_t idle_timeout_ns; /* 0: never expires */
    int64_t snapshot_ns;     /* 0: no snapshot yet */
    enum store_durability durability;
    char python[STORE_PYTHON_MAX + 1];   /* "3.11"; "" for none */
    char profile[STORE_PROFILE_MAX + 1]; /* that it was opened in; "" for none */
    uint64_t node;                       /* who wrote it: stands for the supervisor's name */
    uint64_t life;                       /* and for the one of its lives */
    uint64_t executions;                 /* that the session has had */
    uint64_t snapshot_bytes;             /* set by the store */
    uint64_t stored_bytes;               /* of record and snapshot; set by the store */
    uint64_t quota_bytes; /* of the tenant, for this write; 0: as the store was opened with */
};

struct store_config {
    /* memory:  (as NULL)
     * sqlite:/path/file.db
     * redis://[:password@]host[:port][/db]
     * redis+unix://[:password@]/path.sock[?db=N]
     * A password may hold %XX. */
    const char *url;
    /* The file of the key that seals, 32 bytes; made (0600) where it is absent.
     * NULL: a random key that lives as long as the store, for memory: only. */
    const char *key_path;
    /* Keys that may still have sealed what is there; NULL-terminated, may be NULL. */
    const char *const *old_key_paths;
    uint64_t snapshot_bytes_max; /* 0: 1 GiB */
    uint64_t tenant_bytes_max;   /* quota; STORE_SESSION_BYTES says what counts; 0: none */
    uint64_t memory_bytes_max;   /* the same for memory:, all tenants together; 0: any */
    int64_t timeout_ns;          /* of one step on disk or network; 0: 5 s */
};

struct store;

/* `config` and what it points to are copied. The caller ends *ret_store with
 * store_close(), NULL is fine. */
int store_open(const struct store_config *config, struct store **ret_store, struct viv_error *err);
void store_close(struct store *store);

/* The right to run a session. `token` grows with each acquisition of the
 * session and is checked at each write, so a holder that slept past its lease
 * can't overwrite its successor's work. */
struct store_lease {
    uint64_t token;
    int64_t until_ns; /* CLOCK_MONOTONIC, counted from before the request was sent */
};

/* VIV_FAILED_PRECONDITION: another owner holds it. An owner that asks again
 * takes its own lease over, with a new token: so a restarted supervisor that
 * keeps its name need not wait. `owner` must be unique among live supervisors.
 * `ttl_ns`: up to a day. */
int store_acquire(struct store *store, const struct store_key *key, const char *owner,
                  int64_t ttl_ns, struct store_lease *ret_lease, struct viv_error *err);
/* Sets lease->until_ns. */
int store_renew(struct store *store, const struct store_key *key, struct store_lease *lease,
                int64_t ttl_ns, struct viv_error *err);
/* A lease that is lost already is fine. */
int store_release(struct store *store, const struct store_key *key, uint64_t token,
                  struct viv_error *err);

struct store_written {
    uint64_t generation; /* that of the record that was written */
    uint64_t bytes;      /* that went to the store, the record included */
    unsigned chunks;     /* of the snapshot */
    unsigned chunks_new; /* of these, written */
};

/* Writes record and snapshot, all or nothing; when it has returned 0, they are
 * there after any crash that the backend survives. After VIV_UNAVAILABLE they
 * may be there all the same, or come to be there later. meta->generation is
 * that of the record to be replaced, 0: there is none; a newer one that was
 * written under the same token is replaced as well, since only a write whose
 * answer was lost leaves one. `bytes` must not change meanwhile. ret_written may
 * be NULL. */
int store_put(struct store *store, const struct store_key *key, uint64_t token,
              const struct store_meta *meta, const void *bytes, size_t len,
              struct store_written *ret_written, struct viv_error *err);

/* Writes the record alone; the snapshot stays as it is. */
int store_touch(struct store *store, const struct store_key *key, uint64_t token,
                const struct store_meta *meta, struct store_written *ret_written,
                struct viv_error *err);

/* Needs no lease. A record older than `generation_min` is VIV_INTERNAL: the
 * store was rolled back. The caller frees *ret_bytes; both may be NULL, then
 * only the record is read. */
int store_get(struct store *store, const struct store_key *key, uint64_t generation_min,
              struct store_meta *ret_meta, void **ret_bytes, size_t *ret_len,
              struct viv_error *err);

/* No such session is fine. The lease stays. */
int store_delete(struct store *store, const struct store_key *key, uint64_t token,
                 struct viv_error *err);

/* `meta` is NULL for a record that can't be trusted, and `damage` says why. */
typedef void store_list_each(void *arg, const char *session, const struct store_meta *meta,
                             const struct viv_error *damage);

/* How far a list has come: all zero at its start. */
struct store_cursor {
    char at[STORE_NAME_MAX + 1]; /* the backend's */
    bool over;
};

/* Some more of a tenant's sessions, in no order, until cursor->over: in parts,
 * so that others get their turn between them. Tells each session that is there
 * all the while, but Redis may tell one twice. */
int store_list(struct store *store, const char *tenant, struct store_cursor *cursor,
               store_list_each *each, void *arg, struct viv_error *err);

/* What counts against the tenant's quota, by the store's own word: unsealed. */
int store_usage(struct store *store, const char *tenant, uint64_t *ret_bytes,
                struct viv_error *err);

typedef void store_expire_each(void *arg, const struct store_key *key);

/* Deletes at most `max` sessions that are idle for too long and that nobody
 * holds; tells which (`each` may be NULL) and how many. `now_ns` is
 * CLOCK_REALTIME. */
int store_expire(struct store *store, int64_t now_ns, unsigned max, store_expire_each *each,
                 void *arg, unsigned *ret_count, struct viv_error *err);

#endif
