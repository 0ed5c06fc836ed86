/* A process that writes to SQLite is killed 200 times, at any moment: what it
 * acknowledged is there, whole, and the database opens and is sound. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

#define KILLS 200
#define BYTES (300 * 1000)

static const struct store_key key = {"tenant", "session"};

/* The snapshot of a generation: the most of it stays from one to the next. */
static uint8_t *snapshot(uint64_t generation)
{
    uint8_t *bytes = noise(BYTES, generation / 16);
    size_t at = generation * 7919 % (BYTES - 8);

    memcpy(bytes, &generation, sizeof(generation));
    memcpy(bytes + at, &generation, sizeof(generation));
    return bytes;
}

/* Writes one generation after the other, and tells each that has been written. */
static void write_for_ever(const struct fixture *fixture, int acknowledge)
{
    struct store *store = fixture_open(fixture, 0);
    uint64_t token = must_acquire(store, &key);
    struct store_meta meta = {0};

    store_get(store, &key, 0, &meta, NULL, NULL, NULL);
    for (uint64_t next = meta.generation + 1;; next++) {
        uint8_t *bytes = snapshot(next);

        must_put(store, &key, token, next - 1, bytes, BYTES, NULL);
        free(bytes);
        if (write(acknowledge, &next, sizeof(next)) != sizeof(next))
            _exit(1);
    }
}

/* The last number in the pipe, or `last`. */
static uint64_t read_all(int fd, uint64_t last)
{
    uint64_t next;

    while (read(fd, &next, sizeof(next)) == sizeof(next)) {
        assert_true(next > last);
        last = next;
    }
    return last;
}

static void sleep_us(long us)
{
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* Runs a writer for a while and kills it. */
static uint64_t run_and_kill(const struct fixture *fixture, long us, uint64_t last)
{
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        write_for_ever(fixture, ends[1]);
    }
    close(ends[1]);
    sleep_us(us);
    kill(child, SIGKILL);
    last = read_all(ends[0], last);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

/* At most one write was under way that nobody was told of. */
static uint64_t check(const struct fixture *fixture, uint64_t last)
{
    struct store *store = fixture_open(fixture, 0);
    struct store_meta meta = {0};
    uint8_t *bytes;

    if (store_get(store, &key, 0, &meta, NULL, NULL, NULL) == 0) {
        bytes = snapshot(meta.generation);
        must_hold(store, &key, bytes, BYTES);
        free(bytes);
    }
    assert_in_range(meta.generation, last, last + 1);
    store_close(store);
    return meta.generation;
}

static void must_say(sqlite3 *db, const char *sql, const char *text)
{
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), 0);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), text);
    sqlite3_finalize(statement);
}

static void must_be_sound(const struct fixture *fixture)
{
    const char *path = fixture->url + strlen("sqlite:");
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    must_say(db, "PRAGMA integrity_check", "ok");
    must_say(db, "SELECT (SELECT total(bytes) FROM usage) - (SELECT total(bytes) FROM session)",
             "0.0");
    sqlite3_close(db);
}

static void what_was_acknowledged_survives_every_kill(void **state)
{
    struct fixture fixture = {0};
    uint64_t last = 0, unacknowledged = 0;

    fixture_folder(&fixture);
    snprintf(fixture.url, sizeof(fixture.url), "sqlite:%s/db", fixture.folder);
    srand(1);
    for (unsigned i = 0; i < KILLS; i++) {
        uint64_t found, before = run_and_kill(&fixture, rand() % 60000, last);

        found = check(&fixture, before);
        unacknowledged += found > before;
        last = found;
        if (i % 20 == 0)
            must_be_sound(&fixture);
    }
    must_be_sound(&fixture);
    print_message("# %u kills, %lu generations written, %lu times one more than acknowledged\n",
                  KILLS, (unsigned long)last, (unsigned long)unacknowledged);
    assert_true(last > KILLS / 4); /* also on a slow machine it must have written */
    fixture_remove_folder(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_every_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
