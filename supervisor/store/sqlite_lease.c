/* Leases in SQLite. They hold between processes of one machine, so their clock
 * is the machine's: CLOCK_BOOTTIME, which nobody sets, and the id of the boot,
 * which ends the leases of processes that a reboot has ended. */
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/store/sqlite_db.h"

int64_t sqlite_lease_now(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

struct request {
    const struct store_key *key;
    const char *owner;
    int64_t until_ns;
    uint64_t token; /* of renew; set by acquire */
};

/* 1: *ret_token is that of a lease that has not run out, *ret_ours says whether
 * `owner` has it; 0: nobody has one. */
static int find_lease(struct sqlite *sqlite, const struct store_key *key, const char *owner,
                      uint64_t *ret_token, int *ret_ours, struct viv_error *err)
{
    sqlite3_stmt *s = sqlite_begin(sqlite, SQL_LEASE, "ttti", key->tenant, key->session,
                                   sqlite->boot, sqlite_lease_now());
    int found = sqlite_step(sqlite, s, err);

    if (found > 0) {
        const char *holder = (const char *)sqlite3_column_text(s, 1);

        *ret_token = (uint64_t)sqlite3_column_int64(s, 0);
        *ret_ours = holder && owner && strcmp(holder, owner) == 0;
    }
    sqlite_end(s);
    return found;
}

int sqlite_check_lease(struct sqlite *sqlite, const struct store_key *key, uint64_t token,
                       struct viv_error *err)
{
    uint64_t held = 0;
    int ours, found = find_lease(sqlite, key, NULL, &held, &ours, err);

    if (found < 0)
        return -1;
    return found && held == token ? 0 : backend_lease_lost(key, err);
}

static int acquire(struct sqlite *sqlite, void *arg, struct viv_error *err)
{
    struct request *request = arg;
    const struct store_key *key = request->key;
    uint64_t held;
    int64_t token = 0;
    int ours = 0, found = find_lease(sqlite, key, request->owner, &held, &ours, err);

    if (found < 0)
        return -1;
    if (found && !ours)
        return backend_lease_held(key, err);
    if (sqlite_number(sqlite, sqlite_begin(sqlite, SQL_NEXT_TOKEN, ""), &token, err))
        return -1;
    request->token = (uint64_t)token;
    return sqlite_run(sqlite,
                      sqlite_begin(sqlite, SQL_SET_LEASE, "ttitti", key->tenant, key->session,
                                   token, request->owner, sqlite->boot, request->until_ns),
                      err);
}

int sqlite_acquire(struct backend *backend, const struct store_key *key, const char *owner,
                   int64_t ttl_ns, uint64_t *ret_token, struct viv_error *err)
{
    struct request request = {.key = key, .owner = owner, .until_ns = sqlite_lease_now() + ttl_ns};

    if (sqlite_transaction((struct sqlite *)backend, acquire, &request, err))
        return -1;
    *ret_token = request.token;
    return 0;
}

static int renew(struct sqlite *sqlite, void *arg, struct viv_error *err)
{
    struct request *request = arg;
    const struct store_key *key = request->key;

    if (sqlite_check_lease(sqlite, key, request->token, err))
        return -1;
    return sqlite_run(sqlite,
                      sqlite_begin(sqlite, SQL_RENEW, "itti", request->until_ns, key->tenant,
                                   key->session, (int64_t)request->token),
                      err);
}

int sqlite_renew(struct backend *backend, const struct store_key *key, uint64_t token,
                 int64_t ttl_ns, struct viv_error *err)
{
    struct request request = {.key = key, .token = token, .until_ns = sqlite_lease_now() + ttl_ns};

    return sqlite_transaction((struct sqlite *)backend, renew, &request, err);
}

int sqlite_release(struct backend *backend, const struct store_key *key, uint64_t token,
                   struct viv_error *err)
{
    struct sqlite *sqlite = (struct sqlite *)backend;

    return sqlite_run(
        sqlite, sqlite_begin(sqlite, SQL_RELEASE, "tti", key->tenant, key->session, (int64_t)token),
        err);
}
