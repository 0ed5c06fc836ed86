/* A database of ours: its schema, its statements, and what each of SQLite's
 * result codes means to a caller of a store. */
#ifndef VIVARIUM_STORE_SQLITE_DB_H
#define VIVARIUM_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "supervisor/store/backend.h"

enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_RECORD,
    SQL_HASHES,
    SQL_BLOB_DATA,
    SQL_FIND,
    SQL_USAGE,
    SQL_CREATE,
    SQL_REPLACE,
    SQL_ADD_BLOB,
    SQL_DROP_BLOB,
    SQL_REMOVE,
    SQL_LIST,
    SQL_EXPIRE,
    SQL_LEASE,
    SQL_NEXT_TOKEN,
    SQL_SET_LEASE,
    SQL_RENEW,
    SQL_RELEASE,
    SQL_FORGET_LEASES,
    SQL_STATEMENTS,
};

struct sqlite {
    struct backend backend;
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_STATEMENTS];
    char *path;
    char boot[40]; /* leases of another boot are nobody's */
};

/* Opens or makes the file; its folder must be there. Waits up to `timeout_ns`
 * for others, here and at each statement. */
int sqlite_db_open(const char *path, int64_t timeout_ns, struct sqlite *sqlite,
                   struct viv_error *err);
void sqlite_db_close(struct sqlite *sqlite);

/* Fills in what SQLite's last error says. Returns -1. */
int sqlite_fail(struct sqlite *sqlite, struct viv_error *err);

/* The statement with its parameters bound, by a letter each: 't' const char *,
 * 'i' int64_t, 'b' const void *, size_t. Values must live until sqlite_end(). */
sqlite3_stmt *sqlite_begin(struct sqlite *sqlite, enum sql which, const char *parameters, ...);
/* 1: a row; 0: no more; -1. */
int sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement, struct viv_error *err);
void sqlite_end(sqlite3_stmt *statement);

/* A column of the row; NULL and 0 where there is no memory for it. */
const void *sqlite_bytes(sqlite3_stmt *statement, int column, size_t *ret_len);

/* All of it, for a statement without rows. Ends it. */
int sqlite_run(struct sqlite *sqlite, sqlite3_stmt *statement, struct viv_error *err);
/* The only row's only column; *ret_value stays as it is where there is no row. */
int sqlite_number(struct sqlite *sqlite, sqlite3_stmt *statement, int64_t *ret_value,
                  struct viv_error *err);

/* Runs `body` as the only writer: all of what it does stays, or none. */
int sqlite_transaction(struct sqlite *sqlite,
                       int (*body)(struct sqlite *sqlite, void *arg, struct viv_error *err),
                       void *arg, struct viv_error *err);

/* sqlite_lease.c */
int sqlite_acquire(struct backend *backend, const struct store_key *key, const char *owner,
                   int64_t ttl_ns, uint64_t *ret_token, struct viv_error *err);
int sqlite_renew(struct backend *backend, const struct store_key *key, uint64_t token,
                 int64_t ttl_ns, struct viv_error *err);
int sqlite_release(struct backend *backend, const struct store_key *key, uint64_t token,
                   struct viv_error *err);
/* The clock of leases: it is the same in all processes of a boot. */
int64_t sqlite_lease_now(void);
/* Within a transaction. */
int sqlite_check_lease(struct sqlite *sqlite, const struct store_key *key, uint64_t token,
                       struct viv_error *err);

#endif
