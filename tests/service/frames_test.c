#include "supervisor/service/frames.h"

#include <string.h>

#include "tests/unit/test.h"

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, CONTINUATION = 9 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

#define RESETS 2000
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_LEN (sizeof(PREFACE) - 1)

/* What a client says. */
static uint8_t said[1 << 20];
static size_t said_len;

static void begin(void)
{
    memcpy(said, PREFACE, PREFACE_LEN);
    said_len = PREFACE_LEN;
}

static void say(uint8_t type, uint8_t flags, uint32_t stream, size_t len)
{
    const uint8_t head[FRAMES_HEAD] = {(uint8_t)(len >> 16),
                                       (uint8_t)(len >> 8),
                                       (uint8_t)len,
                                       type,
                                       flags,
                                       (uint8_t)(stream >> 24),
                                       (uint8_t)(stream >> 16),
                                       (uint8_t)(stream >> 8),
                                       (uint8_t)stream};

    memcpy(said + said_len, head, sizeof(head));
    /* What looks like the head of another frame is none. */
    memset(said + said_len + sizeof(head), CONTINUATION, len);
    said_len += sizeof(head) + len;
}

/* In pieces of this size. */
static const char *feed(size_t piece)
{
    const struct frames_terms terms = {.resets_max = RESETS};
    struct frames f = {0};
    const char *why = NULL;

    for (size_t at = 0; at < said_len && !why; at += piece) {
        size_t left = said_len - at;

        why = frames_feed(&f, &terms, said + at, left < piece ? left : piece);
    }
    return why;
}

/* However it arrives. */
static void expect(const char *words)
{
    static const size_t pieces[] = {1, 2, 3, 7, 9, 10, 24, 33, 4096, sizeof(said)};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const char *why = feed(pieces[i]);

        if (words ? !why || !strstr(why, words) : why != NULL)
            fail_msg("in pieces of %zu: %s", pieces[i], why ? why : "fine");
    }
}

static void test_usual(void **state)
{
    begin();
    say(SETTINGS, 0, 0, 30);
    say(SETTINGS, ACK, 0, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        say(HEADERS, END_HEADERS, 2 * i + 1, 200);
        say(DATA, END_STREAM, 2 * i + 1, 300);
    }
    expect(NULL);
}

/* What gRPC refuses by itself it may still see, and say why. */
static void test_large_headers(void **state)
{
    begin();
    say(HEADERS, 0, 1, 16384);
    say(CONTINUATION, END_HEADERS, 1, 16384);
    say(HEADERS, END_HEADERS, 3, 16384);
    expect(NULL);
}

static void test_endless_headers(void **state)
{
    begin();
    say(HEADERS, 0, 1, 16384);
    say(CONTINUATION, 0, 1, 16385);
    expect("headers");
    begin();
    say(HEADERS, 0, 1, 1);
    say(CONTINUATION, 0, 1, 0);
    say(CONTINUATION, 0, 1, 0);
    expect("headers");
    begin();
    say(HEADERS, END_HEADERS, 1, FRAMES_BLOCK_BYTES_MAX + 1);
    expect("headers");
}

static void say_calls(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        say(HEADERS, END_HEADERS, 2 * i + 1, 20);
}

static void test_early_calls(void **state)
{
    begin();
    say_calls(FRAMES_EARLY_CALLS_MAX);
    say(HEADERS, END_HEADERS | END_STREAM, 1, 20); /* trailers are no call */
    expect(NULL);
    say(HEADERS, END_HEADERS, 2 * FRAMES_EARLY_CALLS_MAX + 1, 20);
    expect("settings");
    begin();
    say(SETTINGS, ACK, 0, 0);
    say_calls(FRAMES_EARLY_CALLS_MAX + 1);
    expect(NULL);
}

static void say_resets(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        say(RST_STREAM, 0, 2 * i + 1, 4);
}

static void test_resets(void **state)
{
    begin();
    say_resets(RESETS);
    expect(NULL);
    say_resets(1);
    expect("taken back");
}

static const char *resets_at(struct frames *f, int64_t now_ms, uint32_t count)
{
    const struct frames_terms terms = {.resets_max = RESETS, .now_ms = now_ms};

    said_len = 0;
    say_resets(count);
    return frames_feed(f, &terms, said, said_len);
}

/* As many a second go on and on; one more at the end of it doesn't. */
static void test_resets_in_time(void **state)
{
    struct frames f = {.preface_len = PREFACE_LEN};
    int64_t now_ms = 1000000;

    assert_null(resets_at(&f, now_ms, RESETS));
    for (int i = 0; i < 1000; i++, now_ms += 10)
        assert_null(resets_at(&f, now_ms, i == 0 ? 0 : RESETS / 100));
    for (int i = 0; i < 10 * RESETS; i++, now_ms += i % 4 == 0)
        if (resets_at(&f, now_ms, 1))
            return;
    fail();
}

/* Whatever it says: gRPC will close it. */
static void test_foreign(void **state)
{
    begin();
    said[5] = 'x';
    say_calls(FRAMES_EARLY_CALLS_MAX + 1);
    expect(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),           cmocka_unit_test(test_large_headers),
        cmocka_unit_test(test_endless_headers), cmocka_unit_test(test_early_calls),
        cmocka_unit_test(test_resets),          cmocka_unit_test(test_resets_in_time),
        cmocka_unit_test(test_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
