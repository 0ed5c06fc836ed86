#include "supervisor/store/sqlite_db.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/clock.h"

#define APPLICATION_ID "1449747027" /* "VivS" */
#define SCHEMA_VERSION 2

static const char schema[] =
    "CREATE TABLE session(n INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL,"
    " generation INTEGER NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " record BLOB NOT NULL, UNIQUE(tenant, id)) STRICT;"
    "CREATE INDEX session_expires ON session(expires) WHERE expires > 0;"
    "CREATE TABLE blob(session INTEGER NOT NULL REFERENCES session(n) ON DELETE CASCADE,"
    " hash BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY(session, hash)) STRICT;"
    "CREATE TABLE lease(tenant TEXT NOT NULL, id TEXT NOT NULL, token INTEGER NOT NULL,"
    " owner TEXT NOT NULL, boot TEXT NOT NULL, until INTEGER NOT NULL,"
    " PRIMARY KEY(tenant, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token(last INTEGER NOT NULL) STRICT;"
    "INSERT INTO token VALUES(0);"
    "PRAGMA application_id=" APPLICATION_ID ";";

/* What version 1 had not: each tenant's sum, kept by the writes themselves,
 * whoever makes them. Each session has some bytes, so none means no session. */
#define SUB "UPDATE usage SET bytes=bytes-old.bytes WHERE tenant=old.tenant;"
#define ADD                                           \
    "INSERT INTO usage VALUES(new.tenant, new.bytes)" \
    " ON CONFLICT(tenant) DO UPDATE SET bytes=bytes+excluded.bytes;"
#define TIDY "DELETE FROM usage WHERE tenant=old.tenant AND bytes<=0;"
static const char sums[] =
    "CREATE TABLE usage(tenant TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(tenant))"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO usage SELECT tenant, sum(bytes) FROM session GROUP BY tenant;"
    "CREATE TRIGGER session_added AFTER INSERT ON session BEGIN " ADD " END;"
    "CREATE TRIGGER session_changed AFTER UPDATE OF tenant, bytes ON session"
    " BEGIN " SUB ADD TIDY " END;"
    "CREATE TRIGGER session_gone AFTER DELETE ON session BEGIN " SUB TIDY " END;"
    "PRAGMA user_version=2;";

/* FULL: what is acknowledged survives a loss of power as well. The schema is
 * whatever stands in the file, so it may call no function with an effect. */
static const char settings[] = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                               "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                               "PRAGMA journal_size_limit=67108864;";

static const char *const texts[] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_RECORD] = "SELECT record FROM session WHERE tenant=? AND id=?",
    [SQL_HASHES] = "SELECT hash FROM blob WHERE session="
                   "(SELECT n FROM session WHERE tenant=? AND id=?)",
    [SQL_BLOB_DATA] = "SELECT data FROM blob WHERE session="
                      "(SELECT n FROM session WHERE tenant=? AND id=?) AND hash=?",
    [SQL_FIND] = "SELECT n, generation, bytes FROM session WHERE tenant=? AND id=?",
    [SQL_USAGE] = "SELECT bytes FROM usage WHERE tenant=?",
    [SQL_CREATE] = "INSERT INTO session(tenant, id, generation, bytes, expires, record)"
                   " VALUES(?, ?, ?, ?, ?, ?)",
    [SQL_REPLACE] = "UPDATE session SET generation=?, bytes=?, expires=?, record=? WHERE n=?",
    [SQL_ADD_BLOB] = "INSERT INTO blob VALUES(?, ?, ?)",
    [SQL_DROP_BLOB] = "DELETE FROM blob WHERE session=? AND hash=?",
    [SQL_REMOVE] = "DELETE FROM session WHERE tenant=? AND id=?",
    [SQL_LIST] = "SELECT id, record FROM session WHERE tenant=? AND id>? ORDER BY id LIMIT ?",
    [SQL_EXPIRE] =
        "DELETE FROM session WHERE n IN (SELECT n FROM session AS s WHERE expires > 0"
        " AND expires <= ? AND NOT EXISTS (SELECT 1 FROM lease AS l WHERE l.tenant=s.tenant"
        " AND l.id=s.id AND l.boot=? AND l.until > ?) LIMIT ?) RETURNING tenant, id",
    [SQL_LEASE] = "SELECT token, owner FROM lease"
                  " WHERE tenant=? AND id=? AND boot=? AND until > ?",
    [SQL_NEXT_TOKEN] = "UPDATE token SET last=last+1 RETURNING last",
    [SQL_SET_LEASE] = "INSERT OR REPLACE INTO lease VALUES(?, ?, ?, ?, ?, ?)",
    [SQL_RENEW] = "UPDATE lease SET until=? WHERE tenant=? AND id=? AND token=?",
    [SQL_RELEASE] = "DELETE FROM lease WHERE tenant=? AND id=? AND token=?",
    [SQL_FORGET_LEASES] = "DELETE FROM lease WHERE boot<>? OR until <= ?",
};
_Static_assert(sizeof(texts) / sizeof(texts[0]) == SQL_STATEMENTS, "a text for each statement");

int sqlite_fail(struct sqlite *sqlite, struct viv_error *err)
{
    const char *path = sqlite->path, *why = sqlite3_errmsg(sqlite->db);

    switch (sqlite3_errcode(sqlite->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return viv_fail(err, VIV_UNAVAILABLE, "the store %s is busy: %s", path, why);
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "the store %s is full: %s", path, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return viv_fail(err, VIV_INTERNAL,
                        "the store %s is damaged: %s; `sqlite3 %s .recover` saves what is left",
                        path, why, path);
    default:
        return viv_fail(err, VIV_UNAVAILABLE, "the store %s: %s", path, why);
    }
}

sqlite3_stmt *sqlite_begin(struct sqlite *sqlite, enum sql which, const char *parameters, ...)
{
    sqlite3_stmt *statement = sqlite->statements[which];
    const void *data;
    va_list ap;

    va_start(ap, parameters);
    for (int i = 1; *parameters; i++, parameters++) {
        switch (*parameters) {
        case 't':
            sqlite3_bind_text(statement, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
            break;
        case 'b':
            data = va_arg(ap, const void *);
            sqlite3_bind_blob64(statement, i, data, va_arg(ap, size_t), SQLITE_STATIC);
            break;
        default:
            sqlite3_bind_int64(statement, i, va_arg(ap, int64_t));
        }
    }
    va_end(ap);
    return statement;
}

int sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement, struct viv_error *err)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : sqlite_fail(sqlite, err);
}

void sqlite_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

const void *sqlite_bytes(sqlite3_stmt *statement, int column, size_t *ret_len)
{
    const void *bytes = sqlite3_column_blob(statement, column);

    *ret_len = bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0;
    return bytes;
}

int sqlite_run(struct sqlite *sqlite, sqlite3_stmt *statement, struct viv_error *err)
{
    int result = sqlite_step(sqlite, statement, err);

    sqlite_end(statement);
    return result < 0 ? -1 : 0;
}

int sqlite_number(struct sqlite *sqlite, sqlite3_stmt *statement, int64_t *ret_value,
                  struct viv_error *err)
{
    int result = sqlite_step(sqlite, statement, err);

    if (result > 0)
        *ret_value = sqlite3_column_int64(statement, 0);
    sqlite_end(statement);
    return result < 0 ? -1 : 0;
}

int sqlite_transaction(struct sqlite *sqlite,
                       int (*body)(struct sqlite *sqlite, void *arg, struct viv_error *err),
                       void *arg, struct viv_error *err)
{
    if (sqlite_run(sqlite, sqlite_begin(sqlite, SQL_BEGIN, ""), err))
        return -1;
    if (body(sqlite, arg, err) == 0 &&
        sqlite_run(sqlite, sqlite_begin(sqlite, SQL_COMMIT, ""), err) == 0)
        return 0;
    /* Fails where SQLite has rolled back by itself. */
    sqlite_run(sqlite, sqlite_begin(sqlite, SQL_ROLLBACK, ""), NULL);
    return -1;
}

static int exec(struct sqlite *sqlite, const char *sql, struct viv_error *err)
{
    return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) ? sqlite_fail(sqlite, err) : 0;
}

static int pragma(struct sqlite *sqlite, const char *sql, int64_t *ret_value, struct viv_error *err)
{
    sqlite3_stmt *statement;
    int failed;

    if (sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL))
        return sqlite_fail(sqlite, err);
    failed = sqlite_number(sqlite, statement, ret_value, err);
    sqlite3_finalize(statement);
    return failed;
}

/* Version 1 counted a session's record by its length. */
static int upgrade(struct sqlite *sqlite, struct viv_error *err)
{
    char charge[64];

    snprintf(charge, sizeof(charge), "UPDATE session SET bytes=bytes+%d",
             STORE_SESSION_BYTES - RECORD_SIZE);
    return exec(sqlite, charge, err) || exec(sqlite, sums, err) ? -1 : 0;
}

/* Within a transaction, or two who make the file at a time see half of it. */
static int check_schema(struct sqlite *sqlite, void *arg, struct viv_error *err)
{
    int64_t application = 0, version = 0, tables = 0;

    if (pragma(sqlite, "PRAGMA application_id", &application, err) ||
        pragma(sqlite, "PRAGMA user_version", &version, err) ||
        pragma(sqlite, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return -1;
    if (tables == 0 && application == 0 && version == 0)
        return exec(sqlite, schema, err) || exec(sqlite, sums, err) ? -1 : 0;
    if (application != strtoll(APPLICATION_ID, NULL, 10))
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "%s is a database, but not a store of sessions", sqlite->path);
    if (version == 1)
        return upgrade(sqlite, err);
    if (version != SCHEMA_VERSION)
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "the store %s has schema version %" PRId64 ", this program has %d",
                        sqlite->path, version, SCHEMA_VERSION);
    return 0;
}

static int prepare(struct sqlite *sqlite, unsigned from, unsigned to, struct viv_error *err)
{
    for (unsigned i = from; i < to; i++) {
        if (sqlite3_prepare_v3(sqlite->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &sqlite->statements[i], NULL))
            return sqlite_fail(sqlite, err);
    }
    return 0;
}

/* The switch to WAL is the one statement that SQLite's own waiting leaves out. */
static int switch_to_wal(struct sqlite *sqlite, int64_t timeout_ns, struct viv_error *err)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t until_ns = clock_now() + timeout_ns;

    while (exec(sqlite, "PRAGMA journal_mode=WAL", err)) {
        if ((sqlite3_errcode(sqlite->db) & 0xff) != SQLITE_BUSY || clock_now() >= until_ns)
            return -1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* SQLite would make it by the umask, and the two files beside it like it. */
static int make_file(const char *path, struct viv_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open the store %s", path);
    close(fd);
    return 0;
}

static int read_boot(char *ret_boot, int size, struct viv_error *err)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    char *line = file ? fgets(ret_boot, size, file) : NULL;

    if (file)
        fclose(file);
    return line ? 0 : viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't read the boot's id");
}

int sqlite_db_open(const char *path, int64_t timeout_ns, struct sqlite *sqlite,
                   struct viv_error *err)
{
    sqlite->path = strdup(path);
    if (!sqlite->path)
        return backend_no_memory(err);
    if (make_file(path, err) || read_boot(sqlite->boot, sizeof(sqlite->boot), err))
        return -1;
    if (sqlite3_open_v2(path, &sqlite->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        return sqlite_fail(sqlite, err);
    sqlite3_busy_timeout(sqlite->db, (int)(timeout_ns / 1000000));
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (switch_to_wal(sqlite, timeout_ns, err) || exec(sqlite, settings, err) ||
        prepare(sqlite, 0, SQL_RECORD, err) || sqlite_transaction(sqlite, check_schema, NULL, err))
        return -1;
    return prepare(sqlite, SQL_RECORD, SQL_STATEMENTS, err);
}

void sqlite_db_close(struct sqlite *sqlite)
{
    for (unsigned i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(sqlite->statements[i]);
    sqlite3_close(sqlite->db);
    free(sqlite->path);
}
