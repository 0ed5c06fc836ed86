#include "proto/wire_check.h"

#include <string.h>

#include "proto/vivarium/v1/vivarium.pb-c.h"
#include "tests/unit/proto/wire.h"
#include "tests/unit/test.h"

#define REQUEST (&vivarium__v1__execute_request__descriptor)

/* Field numbers of vivarium.proto and scope.proto. */
enum { ID = 1, CODE = 2, SCOPE = 4, RETURN_SCOPE = 5, LIMITS = 6, STDIN = 7, UNKNOWN = 900 };
enum { SCOPE_NAMES = 3, NAMED_VALUE = 2, VALUE_LIST = 11, SEQUENCE_ITEMS = 1 };

static const struct viv_wire_caps roomy = {.unpacked_max = 64 << 20};

static struct wire w;

static int clear(void **state)
{
    wire_clear(&w);
    return 0;
}

static int check(const struct viv_wire_caps *caps, struct viv_error *err)
{
    return viv_wire_check(REQUEST, wire_data(&w), w.len, caps, err);
}

/* What passes can be unpacked: the promise of the header. */
static void accepts(void)
{
    struct viv_error err = {0};
    ProtobufCMessage *message;

    if (check(&roomy, &err) < 0)
        fail_msg("%s", err.text);
    message = protobuf_c_message_unpack(REQUEST, NULL, w.len, wire_data(&w));
    assert_non_null(message);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void refuses(const char *why)
{
    struct viv_error err = {0};

    assert_int_equal(check(&roomy, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void an_ordinary_request(void **state)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    Vivarium__V1__Limits limits = VIVARIUM__V1__LIMITS__INIT;
    Google__Protobuf__Duration second = GOOGLE__PROTOBUF__DURATION__INIT;
    uint8_t packed[256];

    request.execution_id = (char *)"a.b";
    request.code = (char *)"print('\xc3\xa9')";
    request.limits = &limits;
    limits.wall_time = &second;
    second.seconds = -1;
    wire_put(&w, packed, vivarium__v1__execute_request__pack(&request, packed));
    accepts();
}

static void nothing_at_all(void **state)
{
    accepts();
}

static void every_cut_is_refused_or_whole(void **state)
{
    struct viv_error err;

    wire_put_string(&w, CODE, "pass", 4);
    wire_put_string(&w, ID, "x", 1);
    for (size_t len = 0; len <= w.len; len++) {
        int rc = viv_wire_check(REQUEST, wire_data(&w), len, &roomy, &err);

        assert_int_equal(rc, len == 0 || len == 3 || len == w.len ? 0 : -1);
    }
}

/* A Value within lists: each level is a Value and a Sequence. */
static void nest(unsigned levels)
{
    wire_clear(&w);
    for (unsigned i = 0; i < levels; i++) {
        wire_wrap(&w, SEQUENCE_ITEMS);
        wire_wrap(&w, VALUE_LIST);
    }
    wire_wrap(&w, NAMED_VALUE);
    wire_wrap(&w, SCOPE_NAMES);
    wire_wrap(&w, SCOPE);
}

static void depth_ends_where_the_header_says(void **state)
{
    /* The request, the snapshot, the name and its value are four. */
    nest((VIV_WIRE_DEPTH_MAX - 4) / 2);
    accepts();
    nest((VIV_WIRE_DEPTH_MAX - 4) / 2 + 1);
    refuses("too deep");
    nest(100000);
    refuses("too deep");
}

static void text_must_be_text(void **state)
{
    wire_put_string(&w, CODE, "\xff", 1);
    refuses("UTF-8");
    wire_clear(&w);
    wire_put_string(&w, CODE, "a\0b", 3);
    refuses("U+0000");
    wire_clear(&w);
    wire_put_string(&w, STDIN, "\xff\0\xff", 3);
    accepts();
}

static void wire_types_must_fit(void **state)
{
    for (unsigned type = 0; type < 8; type++) {
        wire_clear(&w);
        wire_put(&w, "\0\0\0\0\0\0\0\0", 8);
        wire_put_tag(&w, RETURN_SCOPE, type);
        if (type != 0)
            assert_int_equal(check(&roomy, NULL), -1);
    }
    wire_clear(&w);
    wire_put_varint(&w, 1);
    wire_put_tag(&w, RETURN_SCOPE, 0);
    accepts();
    wire_put_varint(&w, 1);
    wire_put_tag(&w, CODE, 0);
    refuses("another type");
}

static void malformed(const char *bytes, size_t len)
{
    wire_clear(&w);
    wire_put(&w, bytes, len);
    refuses("malformed");
}

static void garbage_is_refused(void **state)
{
    malformed("\x00", 1);                                          /* field number 0 */
    malformed("\x13", 1);                                          /* a group */
    malformed("\x12\x05xx", 4);                                    /* length past the end */
    malformed("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11); /* length of 2^64-1 */
    malformed("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    malformed("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10);
    malformed("\x80", 1);
}

/* protobuf-c reads five bytes of a length and no more. */
static void lengths_are_short(void **state)
{
    malformed("\x12\x80\x80\x80\x80\x80\x00", 7);
    malformed("\x92\x03\x80\x80\x80\x80\x80\x00", 8);
    wire_clear(&w);
    wire_put(&w, "\x12\x80\x80\x80\x80\x00", 6);
    accepts();
}

/* Elements of no bytes cost the sender two bytes and the reader much more. */
static void small_bytes_that_grow_large(void **state)
{
    const struct viv_wire_caps tight = {.unpacked_max = 1 << 20};

    for (unsigned i = 0; i < 100000; i++)
        wire_put_string(&w, SCOPE_NAMES, "", 0);
    wire_wrap(&w, SCOPE);
    assert_int_equal(check(&tight, NULL), -1);
    accepts();
}

static void singular_messages_come_once(void **state)
{
    wire_put_string(&w, LIMITS, "", 0);
    accepts();
    wire_put_string(&w, LIMITS, "", 0);
    refuses("twice");
}

static void unknown_fields(void **state)
{
    const struct viv_wire_caps strict = {.unpacked_max = 1 << 20, .top_fields = 1u << CODE};

    wire_put_string(&w, CODE, "pass", 4);
    assert_int_equal(check(&strict, NULL), 0);
    wire_put_string(&w, UNKNOWN, "later version", 13);
    accepts();
    assert_int_equal(check(&strict, NULL), -1);
}

static void only_permitted_fields(void **state)
{
    const struct viv_wire_caps strict = {.unpacked_max = 1 << 20, .top_fields = 1u << CODE};

    wire_put_string(&w, ID, "x", 1);
    accepts();
    assert_int_equal(check(&strict, NULL), -1);
}

static size_t encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* Past U+10FFFF too: the encoder goes on to U+1FFFFF. */
static void every_code_point(void **state)
{
    uint8_t bytes[4];

    for (uint32_t c = 0; c < 0x200000; c++) {
        size_t len = encode(c, bytes);
        int good = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);

        assert_int_equal(viv_utf8_valid(bytes, len), good);
        if (len > 1)
            assert_int_equal(viv_utf8_valid(bytes, len - 1), 0);
    }
}

/* So overlong forms can't be among them: as many sequences of n bytes are
 * valid as there are code points, and strings of them. */
static void no_sequence_beside_them(void **state)
{
    unsigned long pairs = 0, triples = 0;
    uint8_t b[3];

    for (uint32_t i = 0; i < 1u << 24; i++) {
        b[0] = (uint8_t)(i >> 16);
        b[1] = (uint8_t)(i >> 8);
        b[2] = (uint8_t)i;
        if (b[2] == 0)
            pairs += (unsigned long)viv_utf8_valid(b, 2);
        triples += (unsigned long)viv_utf8_valid(b, 3);
    }
    assert_int_equal(pairs, 128 * 128 + 1920);
    assert_int_equal(triples, 128 * 128 * 128 + 2 * 128 * 1920 + (0x10000 - 0x800 - 0x800));
}

/* ASCII is skipped several bytes at a time. */
static void a_bad_byte_is_seen_wherever_it_stands(void **state)
{
    uint8_t text[40];

    memset(text, 'a', sizeof(text));
    for (size_t len = 1; len <= sizeof(text); len++) {
        assert_int_equal(viv_utf8_valid(text, len), 1);
        for (size_t at = 0; at < len; at++) {
            text[at] = 0x80;
            assert_int_equal(viv_utf8_valid(text, len), 0);
            text[at] = 'a';
        }
    }
}

#define TEST(f) cmocka_unit_test_setup(f, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_ordinary_request),
        TEST(nothing_at_all),
        TEST(every_cut_is_refused_or_whole),
        TEST(depth_ends_where_the_header_says),
        TEST(text_must_be_text),
        TEST(wire_types_must_fit),
        TEST(garbage_is_refused),
        TEST(lengths_are_short),
        TEST(small_bytes_that_grow_large),
        TEST(singular_messages_come_once),
        TEST(unknown_fields),
        TEST(only_permitted_fields),
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(no_sequence_beside_them),
        cmocka_unit_test(a_bad_byte_is_seen_wherever_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
