/* The conformance suite over SQLite, and what only a file can suffer. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

static const struct store_key key = {"tenant", "session"};

static void db_path(const struct fixture *fixture, char path[96])
{
    snprintf(path, 96, "%s/db", fixture->folder);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture_folder(fixture);
    snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s/db", fixture->folder);
    fixture->store = fixture_open(fixture, 0);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    fixture_remove_folder(fixture);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = fixture_open(fixture, 0);
}

/* Changes the closed file behind the store's back. */
static void tamper(struct fixture *fixture, const char *sql)
{
    char path[96];
    sqlite3 *db;

    store_close(fixture->store);
    db_path(fixture, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture->store = fixture_open(fixture, 0);
}

static void must_not_hold(struct store *store, const struct store_key *of, const char *why)
{
    struct store_meta meta;
    struct viv_error err = {0};
    void *bytes;
    size_t len;

    assert_int_equal(store_get(store, of, 0, &meta, &bytes, &len, &err), -1);
    assert_int_equal(err.status, VIV_INTERNAL);
    if (!strstr(err.text, why) || !strstr(err.text, of->session))
        fail_msg("not about %s: %s", why, err.text);
}

static void put_two(struct fixture *fixture)
{
    const struct store_key other = {"tenant", "other"};
    uint8_t *bytes = noise(200 * 1000, 5);

    must_put(fixture->store, &key, must_acquire(fixture->store, &key), 0, bytes, 200 * 1000, NULL);
    bytes[0] ^= 1;
    must_put(fixture->store, &other, must_acquire(fixture->store, &other), 0, bytes, 200 * 1000,
             NULL);
    free(bytes);
}

static void what_was_put_is_there_after_a_reopen(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    uint8_t *bytes = noise(300 * 1000, 5);

    must_put(f->store, &key, token, 0, bytes, 300 * 1000, NULL);
    reopen(f);
    must_hold(f->store, &key, bytes, 300 * 1000);
    /* the lease as well: another owner waits, this one may go on */
    must_put(f->store, &key, token, 1, bytes, 1, NULL);
    free(bytes);
}

static void the_files_are_the_owner_s_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"db", "db-wal", "db-shm", "key"};
    struct stat st;
    char path[120];

    put_two(f);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_changed_record_is_refused(void **state)
{
    struct fixture *f = *state;

    put_two(f);
    tamper(f,
           "UPDATE session SET record=CAST(substr(record,1,20)||x'ff'||substr(record,22) AS BLOB)"
           " WHERE id='session'");
    must_not_hold(f->store, &key, "seal is not ours");
    tamper(f, "UPDATE session SET record=x'00' WHERE id='session'");
    must_not_hold(f->store, &key, "another length");
}

static void a_record_of_another_session_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct store_key thief = {"thief", "other"};

    put_two(f);
    tamper(f, "UPDATE session SET record=(SELECT record FROM session WHERE id='other')"
              " WHERE id='session'");
    must_not_hold(f->store, &key, "seal is not ours");
    tamper(f, "UPDATE session SET tenant='thief' WHERE id='other'");
    must_not_hold(f->store, &thief, "seal is not ours");
}

static void a_changed_snapshot_is_refused(void **state)
{
    struct fixture *f = *state;

    put_two(f);
    tamper(f, "UPDATE blob SET data=CAST(substr(data,1,length(data)-1)||x'a5' AS BLOB)"
              " WHERE session=1 AND length(data)>8192");
    must_not_hold(f->store, &key, "was changed");
    tamper(f, "DELETE FROM blob WHERE session=1 AND length(data)>8192");
    must_not_hold(f->store, &key, "missing");
    tamper(f, "DELETE FROM blob WHERE session=1");
    must_not_hold(f->store, &key, "missing");
}

static void count_damaged(void *arg, const char *session, const struct store_meta *meta,
                          const struct viv_error *damage)
{
    unsigned *counts = arg;

    counts[meta ? 0 : 1]++;
    if (!meta)
        assert_string_equal(session, "session");
}

static void a_list_reports_what_it_can_t_trust(void **state)
{
    struct fixture *f = *state;
    unsigned counts[2] = {0};

    put_two(f);
    tamper(f, "UPDATE session SET record=zeroblob(188) WHERE id='session'");
    must_list(f->store, "tenant", count_damaged, counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
}

static void another_key_opens_nothing_unless_it_is_an_old_one(void **state)
{
    struct fixture *f = *state;
    char old[120];
    const char *olds[] = {old, NULL};
    struct store_config config = {.url = f->url, .key_path = f->key_path};
    struct store_meta meta;

    put_two(f);
    store_close(f->store);
    snprintf(old, sizeof(old), "%s/old", f->folder);
    assert_int_equal(rename(f->key_path, old), 0);
    f->store = fixture_open(f, 0);
    must_not_hold(f->store, &key, "key that we do not have");
    store_close(f->store);
    config.old_key_paths = olds;
    assert_int_equal(store_open(&config, &f->store, NULL), 0);
    assert_int_equal(store_get(f->store, &key, 0, &meta, NULL, NULL, NULL), 0);
    /* what is written is sealed by the new one */
    must_put(f->store, &key, must_acquire(f->store, &key), 1, "x", 1, NULL);
    reopen(f);
    must_hold(f->store, &key, "x", 1);
}

static enum viv_status open_status(struct fixture *fixture, const char *text)
{
    const struct store_config config = {.url = fixture->url, .key_path = fixture->key_path};
    struct viv_error err = {0};
    struct store *store;

    if (store_open(&config, &store, &err) == 0)
        store_close(store);
    else if (!strstr(err.text, text) || !strstr(err.text, fixture->folder))
        fail_msg("not about %s: %s", text, err.text);
    return err.status;
}

static void overwrite(const char *path, off_t at, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    assert_true(pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text));
    close(fd);
}

static void a_damaged_file_says_so(void **state)
{
    struct fixture *f = *state;
    char path[96], junk[20000];
    struct store_meta meta;
    struct viv_error err;
    struct store *store;

    put_two(f);
    store_close(f->store);
    f->store = NULL;
    db_path(f, path);
    memset(junk, 'j', sizeof(junk) - 1);
    junk[sizeof(junk) - 1] = 0;
    /* the pages after the first: found when they are read */
    overwrite(path, 4096, junk);
    if (open_status(f, "damaged") == VIV_OK) {
        store = fixture_open(f, 0);
        assert_int_equal(store_get(store, &key, 0, &meta, NULL, NULL, &err), -1);
        assert_int_equal(err.status, VIV_INTERNAL);
        assert_non_null(strstr(err.text, "damaged"));
        store_close(store);
    }
    overwrite(path, 0, junk);
    assert_int_equal(open_status(f, "damaged"), VIV_INTERNAL);
}

static void other_databases_are_left_alone(void **state)
{
    struct fixture *f = *state;

    tamper(f, "SELECT 1");
    store_close(f->store);
    snprintf(f->url, sizeof(f->url), "sqlite:%s/other", f->folder);
    f->store = fixture_open(f, 0);
    store_close(f->store);
    f->store = NULL;
    {
        char path[96];
        sqlite3 *db;

        snprintf(path, sizeof(path), "%s/other", f->folder);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        sqlite3_exec(db, "PRAGMA user_version=3", NULL, NULL, NULL);
        assert_int_equal(open_status(f, "schema version 3"), VIV_FAILED_PRECONDITION);
        sqlite3_exec(db, "PRAGMA application_id=1", NULL, NULL, NULL);
        assert_int_equal(open_status(f, "not a store"), VIV_FAILED_PRECONDITION);
        sqlite3_close(db);
    }
    snprintf(f->url, sizeof(f->url), "sqlite:%s/no/folder", f->folder);
    assert_int_equal(open_status(f, "can't open"), VIV_FAILED_PRECONDITION);
}

/* Which kept no sums, and counted a record as 276 bytes. */
static void a_file_of_version_1_is_upgraded(void **state)
{
    struct fixture *f = *state;
    const struct store_key other = {"tenant", "other"};

    must_put(f->store, &key, must_acquire(f->store, &key), 0, "x", 1, NULL);
    must_put(f->store, &other, must_acquire(f->store, &other), 0, "yz", 2, NULL);
    tamper(f, "DROP TRIGGER session_added; DROP TRIGGER session_changed;"
              "DROP TRIGGER session_gone; DROP TABLE usage;"
              "UPDATE session SET bytes=276+"
              "(SELECT sum(length(data)) FROM blob WHERE blob.session=n); PRAGMA user_version=1");
    assert_int_equal(usage(f->store, "tenant"), 2 * STORE_SESSION_BYTES + 3 + 2 * INDEX_OF_ONE);
    must_hold(f->store, &key, "x", 1);
    must_put(f->store, &key, must_acquire(f->store, &key), 1, "x", 1, NULL);
    assert_int_equal(usage(f->store, "tenant"), 2 * STORE_SESSION_BYTES + 3 + 2 * INDEX_OF_ONE);
    reopen(f);
    assert_int_equal(usage(f->store, "tenant"), 2 * STORE_SESSION_BYTES + 3 + 2 * INDEX_OF_ONE);
}

/* What is done to the file by hand as well. */
static void the_sums_follow_every_change_of_the_file(void **state)
{
    struct fixture *f = *state;

    put_two(f);
    tamper(f, "UPDATE session SET tenant='thief', bytes=5 WHERE id='other'");
    assert_int_equal(usage(f->store, "thief"), 5);
    tamper(f, "DELETE FROM session WHERE id='session'");
    assert_int_equal(usage(f->store, "tenant"), 0);
    tamper(f, "UPDATE session SET tenant='tenant', bytes=7");
    assert_int_equal(usage(f->store, "thief"), 0);
    assert_int_equal(usage(f->store, "tenant"), 7);
    /* and nothing else is asked */
    tamper(f, "UPDATE usage SET bytes=1000");
    assert_int_equal(usage(f->store, "tenant"), 1000);
}

static void a_writer_waits_for_another_and_then_says_busy(void **state)
{
    struct fixture *f = *state;
    const struct store_config config = {
        .url = f->url, .key_path = f->key_path, .timeout_ns = 100 * 1000 * 1000};
    struct store_lease lease;
    struct viv_error err;
    struct store *store;
    char path[96];
    sqlite3 *db;

    db_path(f, path);
    assert_int_equal(store_open(&config, &store, NULL), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_acquire(store, &key, "me", LONG_NS, &lease, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_acquire(store, &key, "me", LONG_NS, &lease, &err), 0);
    sqlite3_close(db);
    store_close(store);
}

#define OPENERS 8

/* Eight processes make one file. */
static void many_may_open_a_new_file_at_once(void **state)
{
    struct fixture *f = *state;
    pid_t children[OPENERS];
    int status;

    store_close(f->store);
    f->store = NULL;
    snprintf(f->url, sizeof(f->url), "sqlite:%s/fresh", f->folder);
    snprintf(f->key_path, sizeof(f->key_path), "%s/fresh-key", f->folder);
    for (unsigned i = 0; i < OPENERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char session[16] = "";
            struct store_key mine = {"t", session};
            struct store *store = fixture_open(f, 0);

            snprintf(session, sizeof(session), "%u", i);
            must_put(store, &mine, must_acquire(store, &mine), 0, session, sizeof(session), NULL);
            store_close(store);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < OPENERS; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    f->store = fixture_open(f, 0);
    for (unsigned i = 0; i < OPENERS; i++) {
        char session[16] = "";
        struct store_key mine = {"t", session};

        snprintf(session, sizeof(session), "%u", i);
        must_hold(f->store, &mine, session, sizeof(session));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL_CONFORMANCE,
        CONFORMANCE(what_was_put_is_there_after_a_reopen),
        CONFORMANCE(the_files_are_the_owner_s_alone),
        CONFORMANCE(a_changed_record_is_refused),
        CONFORMANCE(a_record_of_another_session_is_refused),
        CONFORMANCE(a_changed_snapshot_is_refused),
        CONFORMANCE(a_list_reports_what_it_can_t_trust),
        CONFORMANCE(another_key_opens_nothing_unless_it_is_an_old_one),
        CONFORMANCE(a_damaged_file_says_so),
        CONFORMANCE(other_databases_are_left_alone),
        CONFORMANCE(a_file_of_version_1_is_upgraded),
        CONFORMANCE(the_sums_follow_every_change_of_the_file),
        CONFORMANCE(a_writer_waits_for_another_and_then_says_busy),
        CONFORMANCE(many_may_open_a_new_file_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
