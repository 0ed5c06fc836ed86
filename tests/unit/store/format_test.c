/* What is parsed: records, indexes, URLs; and where snapshots are cut. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/store/chunk.h"
#include "supervisor/store/url.h"
#include "tests/unit/test.h"

static struct record some_record(void)
{
    struct record record = {
        .meta = {.generation = UINT64_C(0x0102030405060708),
                 .opened_ns = -1,
                 .last_used_ns = INT64_MAX,
                 .idle_timeout_ns = 5,
                 .snapshot_ns = INT64_MIN,
                 .durability = STORE_ON_EVICTION,
                 .python = "3.11",
                 .profile = "science",
                 .snapshot_bytes = 100,
                 .stored_bytes = 400},
        .token = UINT64_MAX,
        .index_len = INDEX_ENTRY,
    };

    memset(record.index_hash.bytes, 0xab, HASH_SIZE);
    return record;
}

static void a_record_comes_back(void **state)
{
    struct record record = some_record(), got;
    uint8_t bytes[RECORD_SIZE];

    record_encode(&record, bytes);
    assert_int_equal(bytes[8], 8); /* little-endian */
    assert_int_equal(record_decode(bytes, sizeof(bytes), &got, NULL), 0);
    assert_int_equal(got.meta.generation, record.meta.generation);
    assert_true(got.meta.opened_ns == -1 && got.meta.last_used_ns == INT64_MAX);
    assert_true(got.meta.snapshot_ns == INT64_MIN && got.token == UINT64_MAX);
    assert_string_equal(got.meta.python, "3.11");
    assert_string_equal(got.meta.profile, "science");
    assert_memory_equal(&got.index_hash, &record.index_hash, HASH_SIZE);
    assert_int_equal(got.index_len, INDEX_ENTRY);
}

static void must_refuse(const struct record *record)
{
    struct record got, before;
    uint8_t bytes[RECORD_SIZE];

    memset(&got, 0x5a, sizeof(got));
    before = got;
    record_encode(record, bytes);
    assert_int_equal(record_decode(bytes, sizeof(bytes), &got, NULL), -1);
    assert_memory_equal(&got, &before, sizeof(got));
}

static void records_that_make_no_sense_are_refused(void **state)
{
    struct record record = some_record(), got;
    uint8_t bytes[RECORD_SIZE];

    record_encode(&record, bytes);
    for (size_t len = 0; len < RECORD_SIZE; len++)
        assert_int_equal(record_decode(bytes, len, &got, NULL), -1);
    for (unsigned i = 0; i < 8; i++) { /* magic and version */
        bytes[i] ^= 1;
        assert_int_equal(record_decode(bytes, sizeof(bytes), &got, NULL), -1);
        bytes[i] ^= 1;
    }
    record = some_record();
    record.meta.generation = 0;
    must_refuse(&record);
    record = some_record();
    record.meta.idle_timeout_ns = -1;
    must_refuse(&record);
    record = some_record();
    record.meta.durability = 3;
    must_refuse(&record);
    record = some_record();
    record.index_len = 0;
    must_refuse(&record);
    record = some_record();
    record.index_len = 2 * INDEX_ENTRY;
    must_refuse(&record);
    record = some_record();
    record.index_len = INDEX_ENTRY - 1;
    must_refuse(&record);
    record = some_record();
    record.meta.snapshot_bytes = 0;
    must_refuse(&record);
}

static void an_index_adds_up(void **state)
{
    static const uint32_t bad[] = {0, CHUNK_MAX + 1, UINT32_MAX};
    uint8_t index[2 * INDEX_ENTRY];
    struct hash hash = {{1}}, got;

    index_encode(CHUNK_MAX, &hash, index);
    index_encode(7, &hash, index + INDEX_ENTRY);
    assert_int_equal(index_check(index, sizeof(index), CHUNK_MAX + 7, NULL), 0);
    assert_int_equal(index_entry(index, 1, &got), 7);
    assert_memory_equal(&got, &hash, HASH_SIZE);
    assert_int_equal(index_check(index, sizeof(index), CHUNK_MAX + 8, NULL), -1);
    assert_int_equal(index_check(index, INDEX_ENTRY, CHUNK_MAX + 7, NULL), -1);
    assert_int_equal(index_check(index, sizeof(index) - 1, CHUNK_MAX + 7, NULL), -1);
    for (unsigned i = 0; i < 3; i++) {
        index_encode(bad[i], &hash, index);
        assert_int_equal(index_check(index, sizeof(index), (uint64_t)bad[i] + 7, NULL), -1);
    }
}

static void chunks_cover_the_whole_and_keep_their_sizes(void **state)
{
    size_t len = 3 * 1000 * 1000, count, sum = 0;
    uint8_t *bytes = malloc(len);
    struct backend_blob *chunks;

    srand(1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(rand() >> 8);
    assert_int_equal(chunk_all(bytes, len, &chunks, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(chunks[i].data, bytes + sum);
        assert_in_range(chunks[i].len, i + 1 < count ? CHUNK_MIN : 1, CHUNK_MAX);
        sum += chunks[i].len;
    }
    assert_int_equal(sum, len);
    assert_in_range(count, len / 80000, len / 20000);
    free(chunks);
    len = 600 * 1000;
    for (int value = 0; value < 256; value++) { /* no run is cut at the minimum for ever */
        memset(bytes, value, len);
        assert_int_equal(chunk_all(bytes, len, &chunks, &count, NULL), 0);
        assert_in_range(count, 1, len / 100000);
        free(chunks);
    }
    free(bytes);
}

static struct hash hash_of(uint8_t value)
{
    return (struct hash){{value}};
}

static void a_difference_has_what_is_new_and_what_goes(void **state)
{
    struct backend_blob want[] = {
        {.hash = hash_of(5)}, {.hash = hash_of(1)}, {.hash = hash_of(5)}, {.hash = hash_of(3)}};
    struct hash have[] = {hash_of(4), hash_of(3), hash_of(0)};
    size_t count = chunk_unique(want, 4), add, drop;

    assert_int_equal(count, 3);
    chunk_difference(want, count, have, 3, &add, &drop);
    assert_int_equal(add, 2);
    assert_int_equal(want[0].hash.bytes[0], 1);
    assert_int_equal(want[1].hash.bytes[0], 5);
    assert_int_equal(drop, 2);
    assert_int_equal(have[0].bytes[0], 0);
    assert_int_equal(have[1].bytes[0], 4);
    chunk_difference(NULL, 0, have, 2, &add, &drop);
    assert_true(add == 0 && drop == 2);
    chunk_difference(want, 2, NULL, 0, &add, &drop);
    assert_true(add == 2 && drop == 0);
}

static void urls_are_taken_apart(void **state)
{
    struct url url;

    assert_int_equal(url_parse("memory:", &url, NULL), 0);
    assert_int_equal(url.kind, URL_MEMORY);
    assert_int_equal(url_parse("sqlite:/a/b?c.db", &url, NULL), 0);
    assert_string_equal(url.path, "/a/b?c.db");
    assert_int_equal(url_parse("redis://h", &url, NULL), 0);
    assert_true(url.kind == URL_REDIS && url.port == 6379 && url.db == 0);
    assert_string_equal(url.host, "h");
    assert_int_equal(url_parse("redis://:p%40%2Fw@h:12/3", &url, NULL), 0);
    assert_string_equal(url.password, "p@/w");
    assert_true(url.port == 12 && url.db == 3);
    assert_int_equal(url_parse("redis://[::1]:7/", &url, NULL), 0);
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 7);
    assert_int_equal(url_parse("redis+unix://:pw@/a/b.sock?db=4", &url, NULL), 0);
    assert_string_equal(url.path, "/a/b.sock");
    assert_string_equal(url.password, "pw");
    assert_int_equal(url.db, 4);
}

static void bad_urls_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "memory",
        "memory:x",
        "sqlite:",
        "sqlite:a",
        "mysql://h",
        "redis:",
        "redis://",
        "redis://:1",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:-1",
        "redis://h/x",
        "redis://h/1x",
        "redis://u@h",
        "redis://:secret%@h",
        "redis://:secret%4@h",
        "redis://:secret%00@h",
        "redis://[::1",
        "redis://[::1]x",
        "redis+unix://a",
        "redis+unix:///a?x=1",
        "redis+unix:///a?db=",
        "redis+unix:///a?db=-1",
    };
    char long_one[3000] = "sqlite:/";
    struct viv_error err;
    struct url url;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct viv_error){0};
        if (url_parse(bad[i], &url, &err) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
        assert_null(strstr(err.text, "secret"));
    }
    memset(long_one + 8, 'a', sizeof(long_one) - 9);
    assert_int_equal(url_parse(long_one, &url, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(records_that_make_no_sense_are_refused),
        cmocka_unit_test(an_index_adds_up),
        cmocka_unit_test(chunks_cover_the_whole_and_keep_their_sizes),
        cmocka_unit_test(a_difference_has_what_is_new_and_what_goes),
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
