/* The value of the last expression, exactly. */
#include <math.h>
#include <string.h>

#include "tests/e2e/e2e.h"

static struct viv_client_response *response;

static int end_test(void **state)
{
    viv_client_response_free(response);
    response = NULL;
    return 0;
}

static struct viv_value value_of(const char *code)
{
    response = e2e_run(code);
    assert_int_equal(response->outcome, VIV_CLIENT_COMPLETED);
    return response->result;
}

static void expect_bytes(struct viv_value value, enum viv_value_kind kind, const void *wanted,
                         size_t wanted_len)
{
    size_t len;
    const uint8_t *data = viv_value_bytes(value, &len);

    assert_int_equal(viv_value_kind(value), kind);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(data, wanted, len);
}

static void test_no_expression_gives_no_result(void **state)
{
    assert_int_equal(viv_value_kind(value_of("x = 1")), VIV_VALUE_ABSENT);
    assert_null(response->result_repr);
}

static void test_none_gives_no_result(void **state)
{
    assert_int_equal(viv_value_kind(value_of("None")), VIV_VALUE_ABSENT);
    assert_null(response->result_repr);
}

static void test_only_the_last_statement_counts(void **state)
{
    assert_int_equal(viv_value_kind(value_of("1\nx = 2")), VIV_VALUE_ABSENT);
}

static void test_expression_sees_what_came_before(void **state)
{
    assert_int_equal(viv_value_int64(value_of("def f(x):\n    return x + 1\ny = f(1)\ny * 10")),
                     20);
}

static void test_ints_of_64_bits(void **state)
{
    struct viv_value v = value_of("[0, -1, 2**63 - 1, -2**63]");

    assert_int_equal(viv_value_len(v), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(viv_value_kind(viv_value_item(v, i)), VIV_VALUE_INT64);
    assert_true(viv_value_int64(viv_value_item(v, 1)) == -1);
    assert_true(viv_value_int64(viv_value_item(v, 2)) == INT64_MAX);
    assert_true(viv_value_int64(viv_value_item(v, 3)) == INT64_MIN);
}

static void test_ints_beyond_64_bits(void **state)
{
    struct viv_value v = value_of("[2**63, -2**63 - 1, 2**64]");

    expect_bytes(viv_value_item(v, 0), VIV_VALUE_BIG_INT, "\0\0\0\0\0\0\0\x80\0", 9);
    expect_bytes(viv_value_item(v, 1), VIV_VALUE_BIG_INT, "\xff\xff\xff\xff\xff\xff\xff\x7f\xff",
                 9);
    expect_bytes(viv_value_item(v, 2), VIV_VALUE_BIG_INT, "\0\0\0\0\0\0\0\0\1", 9);
}

static void test_bools_are_not_ints(void **state)
{
    struct viv_value v = value_of("[True, False, 1]");

    assert_int_equal(viv_value_kind(viv_value_item(v, 0)), VIV_VALUE_BOOL);
    assert_true(viv_value_bool(viv_value_item(v, 0)));
    assert_false(viv_value_bool(viv_value_item(v, 1)));
    assert_int_equal(viv_value_kind(viv_value_item(v, 2)), VIV_VALUE_INT64);
}

static void test_floats_keep_every_bit(void **state)
{
    struct viv_value v = value_of("[0.1, -0.0, float('inf'), float('nan'), 5e-324]");

    assert_true(viv_value_double(viv_value_item(v, 0)) == 0.1);
    assert_true(signbit(viv_value_double(viv_value_item(v, 1))));
    assert_true(isinf(viv_value_double(viv_value_item(v, 2))));
    assert_true(isnan(viv_value_double(viv_value_item(v, 3))));
    assert_true(viv_value_double(viv_value_item(v, 4)) == 5e-324);
}

static void test_complex(void **state)
{
    struct viv_value v = value_of("1.5 - 2j");

    assert_int_equal(viv_value_kind(v), VIV_VALUE_COMPLEX);
    assert_true(viv_value_real(v) == 1.5);
    assert_true(viv_value_imaginary(v) == -2.0);
}

static void test_singletons(void **state)
{
    struct viv_value v = value_of("[None, ..., NotImplemented]");

    assert_int_equal(viv_value_kind(viv_value_item(v, 0)), VIV_VALUE_NONE);
    assert_int_equal(viv_value_kind(viv_value_item(v, 1)), VIV_VALUE_ELLIPSIS);
    assert_int_equal(viv_value_kind(viv_value_item(v, 2)), VIV_VALUE_NOT_IMPLEMENTED);
}

static void test_text_of_every_plane(void **state)
{
    struct viv_value v = value_of("'\\x7f \\u00e9 \\u20ac \\U0001f40d'");

    assert_int_equal(viv_value_kind(v), VIV_VALUE_TEXT);
    assert_string_equal(viv_value_text(v), "\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d");
}

static void test_empty_text(void **state)
{
    assert_string_equal(viv_value_text(value_of("''")), "");
    assert_string_equal(response->result_repr, "''");
}

static void test_text_with_nul(void **state)
{
    expect_bytes(value_of("'a\\0b'"), VIV_VALUE_SURROGATES, "a\0b", 3);
    assert_string_equal(response->result_repr, "'a\\x00b'");
}

static void test_text_with_lone_surrogates(void **state)
{
    expect_bytes(value_of("'<\\ud800\\udfff>'"), VIV_VALUE_SURROGATES, "<\xed\xa0\x80\xed\xbf\xbf>",
                 8);
    assert_string_equal(response->result_repr, "'<\\ud800\\udfff>'");
}

static void test_bytes_of_every_value(void **state)
{
    uint8_t all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    expect_bytes(value_of("bytes(range(256))"), VIV_VALUE_BYTES, all, 256);
}

static void test_bytearray_is_not_bytes(void **state)
{
    expect_bytes(value_of("bytearray(b'x\\0')"), VIV_VALUE_BYTEARRAY, "x", 2);
}

static void test_dict_keeps_its_order(void **state)
{
    struct viv_value v = value_of("{'z': 1, 'a': 2, 3: 'm'}");

    assert_int_equal(viv_value_kind(v), VIV_VALUE_DICT);
    assert_int_equal(viv_value_len(v), 3);
    assert_string_equal(viv_value_text(viv_value_key(v, 0)), "z");
    assert_string_equal(viv_value_text(viv_value_key(v, 1)), "a");
    assert_int_equal(viv_value_int64(viv_value_key(v, 2)), 3);
    assert_int_equal(viv_value_int64(viv_value_get(v, "a")), 2);
}

static void test_containers_within_containers(void **state)
{
    struct viv_value v = value_of("{'rows': [(1, {'deep': [b'x']}), ()]}");
    struct viv_value rows = viv_value_get(v, "rows");
    struct viv_value pair = viv_value_item(rows, 0);
    struct viv_value deep = viv_value_get(viv_value_item(pair, 1), "deep");

    assert_int_equal(viv_value_kind(rows), VIV_VALUE_LIST);
    assert_int_equal(viv_value_kind(pair), VIV_VALUE_TUPLE);
    expect_bytes(viv_value_item(deep, 0), VIV_VALUE_BYTES, "x", 1);
    assert_int_equal(viv_value_kind(viv_value_item(rows, 1)), VIV_VALUE_TUPLE);
    assert_int_equal(viv_value_len(viv_value_item(rows, 1)), 0);
}

static void test_sets(void **state)
{
    struct viv_value v = value_of("[{1}, frozenset({2})]");

    assert_int_equal(viv_value_kind(viv_value_item(v, 0)), VIV_VALUE_SET);
    assert_int_equal(viv_value_int64(viv_value_item(viv_value_item(v, 0), 0)), 1);
    assert_int_equal(viv_value_kind(viv_value_item(v, 1)), VIV_VALUE_FROZENSET);
}

static void test_what_is_no_plain_value_has_a_repr(void **state)
{
    struct viv_value v = value_of("import threading; threading.Lock");

    assert_int_not_equal(viv_value_kind(v), VIV_VALUE_ABSENT);
    assert_string_equal(response->result_repr, "<built-in function allocate_lock>");
}

static void test_list_that_contains_itself_ends_well(void **state)
{
    value_of("x = [1]; x.append(x); x");
    assert_string_equal(response->result_repr, "[1, [...]]");
}

static void test_deep_nesting_ends_well(void **state)
{
    value_of("x = []\nfor i in range(100000):\n    x = [x]\nx if i else 0");
    e2e_expect_alive();
}

static void test_long_list(void **state)
{
    struct viv_value v = value_of("list(range(200000))");

    assert_int_equal(viv_value_len(v), 200000);
    assert_int_equal(viv_value_int64(viv_value_item(v, 199999)), 199999);
}

static void test_repr_that_raises_does_not_spoil_the_run(void **state)
{
    e2e_expect_repr("class C:\n    def __repr__(self): raise ValueError('no')\nC()",
                    "<unprintable C object>");
}

#define TEST(f) cmocka_unit_test_teardown(f, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_expression_gives_no_result),
        TEST(test_none_gives_no_result),
        TEST(test_only_the_last_statement_counts),
        TEST(test_expression_sees_what_came_before),
        TEST(test_ints_of_64_bits),
        TEST(test_ints_beyond_64_bits),
        TEST(test_bools_are_not_ints),
        TEST(test_floats_keep_every_bit),
        TEST(test_complex),
        TEST(test_singletons),
        TEST(test_text_of_every_plane),
        TEST(test_empty_text),
        TEST(test_text_with_nul),
        TEST(test_text_with_lone_surrogates),
        TEST(test_bytes_of_every_value),
        TEST(test_bytearray_is_not_bytes),
        TEST(test_dict_keeps_its_order),
        TEST(test_containers_within_containers),
        TEST(test_sets),
        TEST(test_what_is_no_plain_value_has_a_repr),
        TEST(test_list_that_contains_itself_ends_well),
        TEST(test_deep_nesting_ends_well),
        TEST(test_long_list),
        TEST(test_repr_that_raises_does_not_spoil_the_run),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
