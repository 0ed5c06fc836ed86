/* What a session's snapshot costs in each store: medians of five, beside what a
 * plain file and a plain hash cost in the same run.
 *
 *     bazel run //tests/store:store_bench */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/store/chunk.h"
#include "tests/store/redis_server.h"
#include "tests/unit/store/fixture.h"

#define BYTES ((size_t)64 * 1024 * 1024)
#define ROUNDS 5

static const struct store_key key = {"tenant", "session"};

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double median_ms(int64_t times[ROUNDS])
{
    int64_t median;

    qsort(times, ROUNDS, sizeof(*times), by_time);
    median = times[ROUNDS / 2];
    return (double)median / 1e6;
}

struct times {
    int64_t first[ROUNDS];
    int64_t same[ROUNDS];
    int64_t changed[ROUNDS];
    int64_t get[ROUNDS];
    uint64_t changed_bytes;
};

static void round_of(struct store *store, uint8_t *bytes, unsigned i, struct times *times)
{
    uint64_t token = must_acquire(store, &key);
    struct store_written written;
    int64_t t0 = clock_now(), t1, t2, t3;

    must_put(store, &key, token, 0, bytes, BYTES, NULL);
    t1 = clock_now();
    must_put(store, &key, token, 1, bytes, BYTES, NULL);
    t2 = clock_now();
    bytes[BYTES / 2 + i] ^= 1;
    t3 = clock_now();
    must_put(store, &key, token, 2, bytes, BYTES, &written);
    times->changed[i] = clock_now() - t3;
    times->first[i] = t1 - t0;
    times->same[i] = t2 - t1;
    times->changed_bytes = written.bytes;
    t0 = clock_now();
    must_hold(store, &key, bytes, BYTES);
    times->get[i] = clock_now() - t0;
    assert_int_equal(store_delete(store, &key, token, NULL), 0);
}

static void measure(const char *name, const struct fixture *fixture, uint8_t *bytes)
{
    struct store *store = fixture_open(fixture, 0);
    struct times times = {0};

    for (unsigned i = 0; i < ROUNDS; i++)
        round_of(store, bytes, i, &times);
    printf("%-8s %12.1f %12.1f %12.1f %12llu %12.1f\n", name, median_ms(times.first),
           median_ms(times.same), median_ms(times.changed), (unsigned long long)times.changed_bytes,
           median_ms(times.get));
    store_close(store);
}

static void measure_file(const struct fixture *fixture, const uint8_t *bytes)
{
    int64_t files[ROUNDS], hashes[ROUNDS], start;
    struct hash hash;
    char path[96];

    snprintf(path, sizeof(path), "%s/plain", fixture->folder);
    for (unsigned i = 0; i < ROUNDS; i++) {
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

        start = clock_now();
        assert_true(write(fd, bytes, BYTES) == (ssize_t)BYTES);
        assert_int_equal(fsync(fd), 0);
        files[i] = clock_now() - start;
        close(fd);
        start = clock_now();
        assert_int_equal(chunk_hash(bytes, BYTES, &hash, NULL), 0);
        hashes[i] = clock_now() - start;
    }
    printf("a file written and synced: %.1f ms; a SHA-256 over it: %.1f ms\n", median_ms(files),
           median_ms(hashes));
}

int main(void)
{
    struct fixture fixture = {0};
    struct redis_server server;
    uint8_t *bytes = noise(BYTES, 1);

    redis_server_start(&server, NULL);
    fixture_folder(&fixture);
    printf("64 MiB, ms     first put    unchanged     one byte    its bytes          get\n");
    snprintf(fixture.url, sizeof(fixture.url), "memory:");
    measure("memory", &fixture, bytes);
    snprintf(fixture.url, sizeof(fixture.url), "sqlite:%s/db", fixture.folder);
    measure("sqlite", &fixture, bytes);
    snprintf(fixture.url, sizeof(fixture.url), "redis+unix://%s", server.socket);
    measure("redis", &fixture, bytes);
    measure_file(&fixture, bytes);
    fixture_remove_folder(&fixture);
    redis_server_stop(&server);
    free(bytes);
    return 0;
}
