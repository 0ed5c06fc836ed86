#include <stdio.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/unit/test.h"

#define BODY_MAX (1024 * 1024)

static const struct viv_frame_caps caps = {.body_max = BODY_MAX, .fds_max = 1};

/* A datagram as a stranger may write it: the header, then `rest` zero bytes. */
struct sample {
    const char *name;
    struct viv_frame_header h;
    size_t rest;
    unsigned fds;
    bool good;
};

#define HEADER(...)                                                     \
    {                                                                   \
        .magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_RESULT, __VA_ARGS__ \
    }

/* gcc and clang let a later initializer of one member win, which is what makes
 * the table short. */
#pragma GCC diagnostic ignored "-Woverride-init"

static const struct sample samples[] = {
    {"bare header", HEADER(.seq = 1), 0, 0, true},
    {"message only", HEADER(.message_len = 5), 5, 0, true},
    {"body only", HEADER(.body_len = 9), 9, 0, true},
    {"message and body", HEADER(.message_len = 5, .body_len = 9), 14, 0, true},
    {"longest message", HEADER(.message_len = VIV_FRAME_MESSAGE_MAX), VIV_FRAME_MESSAGE_MAX, 0,
     true},
    {"longest inline", HEADER(.body_len = VIV_FRAME_INLINE_MAX), VIV_FRAME_INLINE_MAX, 0, true},
    {"first type", HEADER(.type = VIV_FRAME_HELLO), 0, 1, true},
    {"last type", HEADER(.type = VIV_FRAME_TYPES - 1), 0, 0, true},
    {"body in a memfd", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = BODY_MAX), 0, 1, true},
    {"memfd and another", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = 1), 0, 2, true},
    {"memfd and message", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = 1, .message_len = 3),
     3, 1, true},

    {"wrong magic", HEADER(.magic = VIV_FRAME_MAGIC + 1), 0, 0, false},
    {"type 0", HEADER(.type = VIV_FRAME_INVALID), 0, 0, false},
    {"type past the last", HEADER(.type = VIV_FRAME_TYPES), 0, 0, false},
    {"type 65535", HEADER(.type = UINT16_MAX), 0, 0, false},
    {"unknown flag", HEADER(.flags = 2), 0, 0, false},
    {"known and unknown flag", HEADER(.flags = 3, .body_len = 1), 0, 1, false},
    {"reserved bits", HEADER(.reserved = 1), 0, 0, false},
    {"message past the cap", HEADER(.message_len = VIV_FRAME_MESSAGE_MAX + 1),
     VIV_FRAME_MESSAGE_MAX + 1, 0, false},
    {"message past the datagram", HEADER(.message_len = 6), 5, 0, false},
    {"message of 4 GiB", HEADER(.message_len = UINT32_MAX), 5, 0, false},
    {"body past the cap", HEADER(.body_len = BODY_MAX + 1), 0, 0, false},
    {"body past the datagram", HEADER(.body_len = 9), 8, 0, false},
    {"body short of the datagram", HEADER(.body_len = 8), 9, 0, false},
    {"bytes that nobody named", HEADER(.seq = 1), 1, 0, false},
    {"body of 2^64-1", HEADER(.body_len = UINT64_MAX), 0, 0, false},
    {"lengths that add up only by wrapping", HEADER(.message_len = 9, .body_len = UINT64_MAX - 3),
     5, 0, false},
    {"memfd flag without one", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = 1), 0, 0,
     false},
    {"memfd for an empty body", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD), 0, 1, false},
    {"memfd past the cap", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = BODY_MAX + 1), 0, 1,
     false},
    {"memfd and an inline body", HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = 4), 4, 1,
     false},
    {"a descriptor too many", HEADER(.seq = 1), 0, 2, false},
    {"a descriptor too many beside a memfd",
     HEADER(.flags = VIV_FRAME_BODY_IN_MEMFD, .body_len = 1), 0, 3, false},
};

static void every_sample(void **state)
{
    static uint8_t datagram[VIV_FRAME_BUFFER];

    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        const struct sample *s = &samples[i];
        struct viv_frame_header got, untouched;
        struct viv_error err = {0};
        int rc;

        memset(&untouched, 0x5a, sizeof(untouched));
        got = untouched;
        memcpy(datagram, &s->h, sizeof(s->h));
        rc = viv_frame_parse(datagram, sizeof(s->h) + s->rest, s->fds, &caps, &got, &err);
        if (rc != (s->good ? 0 : -1))
            fail_msg("%s: %d, %s", s->name, rc, err.text);
        assert_memory_equal(&got, s->good ? &s->h : &untouched, sizeof(got));
        assert_int_equal(err.status, s->good ? VIV_OK : VIV_INVALID_ARGUMENT);
    }
}

/* No cut of a good frame is a frame. */
static void every_cut(void **state)
{
    struct {
        struct viv_frame_header h;
        char rest[14];
    } whole = {HEADER(.message_len = 5, .body_len = 9), {0}};
    struct viv_frame_header got;

    for (size_t len = 0; len < sizeof(whole.h) + 14; len++)
        assert_int_equal(viv_frame_parse(&whole, len, 0, &caps, &got, NULL), -1);
    assert_int_equal(viv_frame_parse(&whole, sizeof(whole.h) + 14, 0, &caps, &got, NULL), 0);
}

/* Datagrams come from buffers of any alignment. */
static void any_alignment(void **state)
{
    const struct viv_frame_header h = HEADER(.seq = 77);
    uint8_t bytes[sizeof(h) + 8];
    struct viv_frame_header got;

    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(bytes + shift, &h, sizeof(h));
        assert_int_equal(viv_frame_parse(bytes + shift, sizeof(h), 0, &caps, &got, NULL), 0);
        assert_int_equal(got.seq, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(any_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
