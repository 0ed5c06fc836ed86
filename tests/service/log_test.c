#include <stdio.h>
#include <string.h>

#include "supervisor/service/log.h"
#include "tests/unit/test.h"

static const char head[] = "{\"time\":\"2001-09-09T01:46:40.123Z\",\"level\":\"warn\",\"event\":";

static void expect_line(const char *tail, const struct log_field *fields)
{
    char line[LOG_LINE_MAX], wanted[LOG_LINE_MAX];
    size_t len = log_format(line, INT64_C(1000000000123456789), LOG_LEVEL_WARN, "e", fields);

    snprintf(wanted, sizeof(wanted), "%s%s\n", head, tail);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(line, wanted, len);
}

static void test_fields(void **state)
{
    expect_line("\"e\"}", (const struct log_field[]){{0}});
    expect_line("\"e\",\"a\":\"b\",\"n\":-7}",
                (const struct log_field[]){LOG_TEXT("a", "b"), LOG_NUMBER("n", -7), {0}});
}

static void test_escapes(void **state)
{
    expect_line("\"e\",\"a\":\"\\\"\\\\\\u000a\\u0001\\u007f\xc3\xa4\"}",
                (const struct log_field[]){LOG_TEXT("a", "\"\\\n\x01\x7f\xc3\xa4"), {0}});
    /* Invalid UTF-8 must not make the line invalid. */
    expect_line("\"e\",\"a\":\"x?y\"}", (const struct log_field[]){LOG_TEXT("a", "x\xffy"), {0}});
}

/* However long, a line is whole: quotes closed, characters complete. */
static void test_long(void **state)
{
    char text[2 * LOG_LINE_MAX], line[LOG_LINE_MAX];

    for (size_t shift = 0; shift < 8; shift++) {
        size_t len;

        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\x90\x8d", 5);
        len = log_format(line, 0, LOG_LEVEL_INFO, "e",
                         (const struct log_field[]){LOG_TEXT("a", text), LOG_NUMBER("n", 1), {0}});
        assert_in_range(len, LOG_LINE_MAX - 32, LOG_LINE_MAX);
        assert_memory_equal(line + len - 7, "\xf0\x9f\x90\x8d\"}\n", 7);
    }
}

static void test_levels(void **state)
{
    assert_int_equal(log_level_of("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_of("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_of("Error"), -1);
    assert_int_equal(log_level_of(""), -1);
}

/* So many a second, and the first after them tells how many there were. */
static void test_limit(void **state)
{
    struct log_limit limit = LOG_LIMIT_INIT(2);
    int64_t dropped = -1;

    assert_true(log_limit_permits(&limit, 7, &dropped));
    assert_true(log_limit_permits(&limit, 7, &dropped));
    assert_int_equal(dropped, 0);
    for (int i = 0; i < 5; i++)
        assert_false(log_limit_permits(&limit, 7, &dropped));
    assert_true(log_limit_permits(&limit, 8, &dropped));
    assert_int_equal(dropped, 5);
    assert_true(log_limit_permits(&limit, 8, &dropped));
    assert_int_equal(dropped, 0);
    assert_false(log_limit_permits(&limit, 8, &dropped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_escapes), cmocka_unit_test(test_long),
        cmocka_unit_test(test_levels), cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
