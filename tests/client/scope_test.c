/* Scopes: built, serialized, read again, and damaged. */
#include <stdlib.h>
#include <string.h>

#include "client/scope.h"
#include "tests/unit/test.h"

static struct viv_scope *new_scope(void)
{
    struct viv_scope *scope = NULL;

    assert_int_equal(viv_scope_new(&scope, NULL), 0);
    return scope;
}

/* Through bytes and back; the old one is freed. */
static struct viv_scope *travelled(struct viv_scope *scope)
{
    struct viv_scope *copy = NULL;
    struct viv_error err;

    if (viv_scope_copy(scope, &copy, &err))
        fail_msg("%s", err.text);
    viv_scope_free(scope);
    return copy;
}

static void test_scalars_come_back_as_they_were(void **state)
{
    struct viv_scope *scope = new_scope();
    const uint8_t *data;
    const char *text;
    double floating;
    int64_t integer;
    bool boolean;
    size_t len;

    assert_int_equal(viv_scope_set_int64(scope, "i", INT64_MIN, NULL), 0);
    assert_int_equal(viv_scope_set_double(scope, "d", 0.5, NULL), 0);
    assert_int_equal(viv_scope_set_bool(scope, "b", true, NULL), 0);
    assert_int_equal(viv_scope_set_text(scope, "t", "h\u00e9", NULL), 0);
    assert_int_equal(viv_scope_set_bytes(scope, "y", "a\0b", 3, NULL), 0);
    assert_int_equal(viv_scope_set_none(scope, "n", NULL), 0);
    scope = travelled(scope);
    assert_int_equal(viv_scope_len(scope), 6);
    assert_string_equal(viv_scope_name(scope, 0), "i");
    assert_null(viv_scope_name(scope, 6));
    assert_int_equal(viv_scope_get_int64(scope, "i", &integer, NULL), 0);
    assert_true(integer == INT64_MIN);
    assert_int_equal(viv_scope_get_double(scope, "d", &floating, NULL), 0);
    assert_true(floating == 0.5);
    assert_int_equal(viv_scope_get_bool(scope, "b", &boolean, NULL), 0);
    assert_true(boolean);
    assert_int_equal(viv_scope_get_text(scope, "t", &text, NULL), 0);
    assert_string_equal(text, "h\u00e9");
    assert_int_equal(viv_scope_get_bytes(scope, "y", &data, &len, NULL), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "a\0b", 3);
    assert_int_equal(viv_value_kind(viv_scope_get(scope, "n")), VIV_VALUE_NONE);
    viv_scope_free(scope);
}

static void expect_no_int64(const struct viv_scope *scope, const char *name, enum viv_status status,
                            const char *text)
{
    int64_t integer = 77;
    struct viv_error err;

    assert_int_equal(viv_scope_get_int64(scope, name, &integer, &err), -1);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, text);
    assert_int_equal(integer, 77);
}

static void test_getter_of_another_type_says_which(void **state)
{
    struct viv_scope *scope = new_scope();
    double floating;

    viv_scope_set_text(scope, "t", "x", NULL);
    viv_scope_set(scope, "big", viv_scope_big_int(scope, "\0\0\0\0\0\0\0\0\1", 9), NULL);
    viv_scope_set_int64(scope, "i", 3, NULL);
    expect_no_int64(scope, "t", VIV_INVALID_ARGUMENT, "t is of type str, not an int of 64 bits");
    expect_no_int64(scope, "big", VIV_INVALID_ARGUMENT,
                    "big is a larger int, not an int of 64 bits");
    expect_no_int64(scope, "x", VIV_NOT_FOUND, "no name x in the scope");
    assert_int_equal(viv_scope_get_double(scope, "i", &floating, NULL), 0);
    assert_true(floating == 3);
    viv_scope_free(scope);
}

static void test_containers_hold_their_items_in_order(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value rows = viv_scope_list(scope);
    struct viv_value dict = viv_scope_dict(scope);

    for (int i = 0; i < 100; i++)
        viv_scope_append(scope, rows, viv_scope_int64(scope, i));
    viv_scope_put_text(scope, dict, "rows", rows);
    viv_scope_put(scope, dict, viv_scope_tuple(scope), viv_scope_complex(scope, 1, -2));
    assert_int_equal(viv_scope_set(scope, "d", dict, NULL), 0);
    scope = travelled(scope);
    dict = viv_scope_get(scope, "d");
    assert_int_equal(viv_value_kind(dict), VIV_VALUE_DICT);
    rows = viv_value_get(dict, "rows");
    assert_int_equal(viv_value_kind(rows), VIV_VALUE_LIST);
    assert_int_equal(viv_value_len(rows), 100);
    assert_int_equal(viv_value_int64(viv_value_item(rows, 99)), 99);
    assert_int_equal(viv_value_kind(viv_value_key(dict, 1)), VIV_VALUE_TUPLE);
    assert_true(viv_value_imaginary(viv_value_item(dict, 1)) == -2);
    viv_scope_free(scope);
}

static void test_one_object_in_two_places_stays_one(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value list = viv_scope_list(scope);
    struct viv_value set = viv_scope_set_of(scope);

    viv_scope_append(scope, list, list);
    viv_scope_append(scope, set, viv_scope_text_n(scope, "a\0b", 3));
    assert_int_equal(viv_scope_set(scope, "a", list, NULL), 0);
    assert_int_equal(viv_scope_set(scope, "b", list, NULL), 0);
    assert_int_equal(viv_scope_set(scope, "s", set, NULL), 0);
    scope = travelled(scope);
    list = viv_scope_get(scope, "a");
    assert_int_not_equal(viv_value_identity(list), 0);
    assert_int_equal(viv_value_identity(list), viv_value_identity(viv_scope_get(scope, "b")));
    assert_int_equal(viv_value_identity(list), viv_value_identity(viv_value_item(list, 0)));
    set = viv_scope_get(scope, "s");
    assert_int_equal(viv_value_kind(set), VIV_VALUE_SET);
    assert_int_equal(viv_value_kind(viv_value_item(set, 0)), VIV_VALUE_SURROGATES);
    viv_scope_free(scope);
}

static void test_depth_is_no_limit(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value value = viv_scope_list(scope);
    size_t depth = 0;

    for (int i = 0; i < 10000; i++) {
        struct viv_value outer = viv_scope_list(scope);

        viv_scope_append(scope, outer, value);
        value = outer;
    }
    assert_int_equal(viv_scope_set(scope, "deep", value, NULL), 0);
    scope = travelled(scope);
    for (value = viv_scope_get(scope, "deep"); viv_value_len(value); depth++)
        value = viv_value_item(value, 0);
    assert_int_equal(depth, 10000);
    viv_scope_free(scope);
}

/* As another client would write it, with containers where they are used. */
static struct viv_scope *foreign_scope(void)
{
    /* rows = [1, [2]], other = rows[1]'s like */
    static const uint8_t bytes[] =
        "\x08\x01"
        "\x1a\x12\x0a\x04rows\x12\x0a\x5a\x08\x0a\x02\x18\x02\x0a\x02\x5a\x00";
    struct viv_scope *scope = NULL;
    struct viv_error err;

    if (viv_scope_parse(bytes, sizeof(bytes) - 1, &scope, &err))
        fail_msg("%s", err.text);
    return scope;
}

static void test_scope_that_was_read_can_be_changed(void **state)
{
    struct viv_scope *scope = foreign_scope();
    struct viv_value rows = viv_scope_get(scope, "rows");
    struct viv_value inner = viv_value_item(rows, 1);

    assert_int_equal(viv_value_len(rows), 2);
    assert_int_equal(viv_scope_set(scope, "inner", inner, NULL), 0);
    for (int i = 0; i < 20; i++)
        viv_scope_append(scope, inner, viv_scope_int64(scope, i));
    for (int i = 0; i < 20; i++)
        viv_scope_append(scope, rows, viv_scope_int64(scope, i));
    scope = travelled(scope);
    rows = viv_scope_get(scope, "rows");
    assert_int_equal(viv_value_len(rows), 22);
    assert_int_equal(viv_value_int64(viv_value_item(rows, 0)), 1);
    assert_int_equal(viv_value_len(viv_value_item(rows, 1)), 20);
    assert_int_equal(viv_value_identity(viv_scope_get(scope, "inner")),
                     viv_value_identity(viv_value_item(rows, 1)));
    viv_scope_append(scope, rows, viv_scope_none(scope));
    assert_int_equal(viv_value_len(rows), 23);
    viv_scope_free(scope);
}

static void test_name_is_replaced_and_taken_away(void **state)
{
    struct viv_scope *scope = new_scope();
    int64_t integer;

    for (int i = 0; i < 20; i++) {
        char name[8] = {(char)('a' + i)};

        assert_int_equal(viv_scope_set_int64(scope, name, i, NULL), 0);
    }
    assert_int_equal(viv_scope_set_int64(scope, "c", 99, NULL), 0);
    assert_true(viv_scope_unset(scope, "b"));
    assert_false(viv_scope_unset(scope, "b"));
    assert_int_equal(viv_scope_len(scope), 19);
    assert_string_equal(viv_scope_name(scope, 1), "c");
    assert_int_equal(viv_scope_get_int64(scope, "c", &integer, NULL), 0);
    assert_int_equal(integer, 99);
    viv_scope_free(scope);
}

static void expect_int(const void *data, size_t len, bool small, int64_t wanted)
{
    struct viv_scope *scope = new_scope();
    struct viv_value value = viv_scope_big_int(scope, data, len);

    assert_int_equal(viv_value_kind(value), small ? VIV_VALUE_INT64 : VIV_VALUE_BIG_INT);
    assert_true(viv_value_int64(value) == wanted);
    viv_scope_free(scope);
}

static void test_int_that_fits_64_bits_is_a_small_one(void **state)
{
    expect_int("", 0, true, 0);
    expect_int("\xff", 1, true, -1);
    expect_int("\x80\x00", 2, true, 128);
    expect_int("\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, true, -128);
    expect_int("\xff\xff\xff\xff\xff\xff\xff\x7f\0\0", 10, true, INT64_MAX);
    expect_int("\0\0\0\0\0\0\0\x80", 8, true, INT64_MIN);
    expect_int("\xff\xff\xff\xff\xff\xff\xff\xff\0", 9, false, 0);
}

/* ---- what can't be built ---- */

static void expect_failed(struct viv_scope *scope, const char *text)
{
    struct viv_error err = {0};
    uint8_t *data;
    size_t len;

    assert_int_equal(viv_scope_set_int64(scope, "x", 1, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" lacks \"%s\"", err.text, text);
    assert_int_equal(viv_scope_serialize(scope, &data, &len, &err), -1);
    assert_non_null(strstr(err.text, text));
    viv_scope_free(scope);
}

static void test_failure_is_remembered(void **state)
{
    struct viv_scope *other = new_scope();
    struct viv_scope *scope = new_scope();

    assert_int_equal(viv_value_kind(viv_scope_text(scope, "\xff")), VIV_VALUE_ABSENT);
    expect_failed(scope, "not UTF-8");
    scope = new_scope();
    viv_scope_append(scope, viv_scope_list(scope), viv_scope_get(scope, "nothing"));
    expect_failed(scope, "absent");
    scope = new_scope();
    viv_scope_append(scope, viv_scope_list(scope), viv_scope_int64(other, 1));
    expect_failed(scope, "another scope");
    scope = new_scope();
    viv_scope_append(scope, viv_scope_int64(scope, 1), viv_scope_int64(scope, 1));
    expect_failed(scope, "no container");
    scope = new_scope();
    viv_scope_append(scope, viv_scope_dict(scope), viv_scope_int64(scope, 1));
    expect_failed(scope, "without a key");
    scope = new_scope();
    viv_scope_put_text(scope, viv_scope_list(scope), "k", viv_scope_int64(scope, 1));
    expect_failed(scope, "no dict");
    viv_scope_free(other);
}

static void test_name_that_is_not_unicode_is_refused(void **state)
{
    struct viv_scope *scope = new_scope();

    assert_int_equal(viv_scope_set_int64(scope, "\xff", 1, NULL), -1);
    assert_int_equal(viv_scope_set_int64(scope, "x", 1, NULL), 0);
    viv_scope_free(scope);
}

/* ---- bytes from elsewhere ---- */

static void expect_refused(const void *data, size_t len, const char *text)
{
    struct viv_scope *scope = NULL;
    struct viv_error err;

    assert_int_equal(viv_scope_parse(data, len, &scope, &err), -1);
    assert_null(scope);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    if (strncmp(err.text, "not a scope snapshot: ", 22) != 0 || !strstr(err.text, text))
        fail_msg("\"%s\" lacks \"%s\"", err.text, text);
}

static void test_bytes_that_are_no_snapshot_are_refused_with_words(void **state)
{
    expect_refused("", 0, "format version 0");
    expect_refused("import os\n", 10, "");
    expect_refused("\x08\x02", 2, "format version 2, this library knows version 1");
    expect_refused("\x08\x01\x1a\x7f", 4, "malformed");
    expect_refused("\x08\x01\x1a\x03\x0a\x01\xff", 7, "UTF-8");
    expect_refused("\x08\x01\x1a\x03\x0a\x01x\x1a\x03\x0a\x01x", 12, "the name x stands twice");
}

static void test_every_cut_and_every_bit_ends_well(void **state)
{
    struct viv_scope *scope = foreign_scope();
    uint8_t *data;
    size_t len;

    viv_scope_set_text(scope, "t", "text", NULL);
    viv_scope_set(scope, "again", viv_scope_get(scope, "rows"), NULL);
    assert_int_equal(viv_scope_serialize(scope, &data, &len, NULL), 0);
    viv_scope_free(scope);
    for (size_t i = 0; i < len; i++) {
        if (viv_scope_parse(data, i, &scope, NULL) == 0)
            viv_scope_free(scope);
        for (int bit = 0; bit < 8; bit++) {
            uint64_t sizes[64];

            data[i] ^= (uint8_t)(1 << bit);
            if (viv_scope_parse(data, len, &scope, NULL) == 0) {
                assert_true(viv_scope_len(scope) < 64);
                assert_int_equal(viv_scope_sizes(scope, sizes, NULL), 0);
                for (size_t k = 0; k < viv_scope_len(scope); k++)
                    viv_value_type(viv_value_item(viv_scope_value(scope, k), 0));
                viv_scope_free(scope);
            }
            data[i] ^= (uint8_t)(1 << bit);
        }
    }
    free(data);
}

static void test_sizes_are_those_of_the_file(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value list = viv_scope_list(scope);
    uint64_t sizes[3];
    uint8_t *data;
    size_t len;

    viv_scope_append(scope, list, viv_scope_bytes(scope, (char[1000]){0}, 1000));
    viv_scope_append(scope, list, list);
    viv_scope_set(scope, "first", list, NULL);
    viv_scope_set(scope, "second", list, NULL);
    viv_scope_set_int64(scope, "third", 1, NULL);
    assert_int_equal(viv_scope_sizes(scope, sizes, NULL), 0);
    assert_int_equal(viv_scope_serialize(scope, &data, &len, NULL), 0);
    assert_true(sizes[0] > 1000);
    assert_true(sizes[1] < 20);
    assert_true(sizes[2] < 20);
    assert_true(sizes[0] + sizes[1] + sizes[2] < len);
    assert_true(sizes[0] + sizes[1] + sizes[2] + 20 > len);
    free(data);
    viv_scope_free(scope);
}

static void test_what_was_left_out_stays_with_the_file_and_is_not_sent(void **state)
{
    struct viv_scope *scope = new_scope();
    Vivarium__V1__Manifest manifest = VIVARIUM__V1__MANIFEST__INIT;
    Vivarium__V1__ManifestEntry carried = VIVARIUM__V1__MANIFEST_ENTRY__INIT;
    Vivarium__V1__ManifestEntry omitted = VIVARIUM__V1__MANIFEST_ENTRY__INIT;
    Vivarium__V1__ManifestEntry *entries[] = {&carried, &omitted};
    Vivarium__V1__ScopeSnapshot outgoing;
    struct viv_manifest left_out;

    carried.disposition = VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED;
    omitted.disposition = VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED;
    omitted.name = (char *)"f";
    omitted.reason = (char *)"an open file";
    manifest.entries = entries;
    manifest.n_entries = 2;
    assert_int_equal(viv_scope_note_left_out(scope, &manifest, NULL), 0);
    scope = travelled(scope);
    left_out = viv_scope_left_out(scope);
    assert_int_equal(left_out.count, 1);
    assert_string_equal(left_out.entries[0].name, "f");
    assert_string_equal(left_out.entries[0].reason, "an open file");
    assert_string_equal(viv_disposition_name(left_out.entries[0].disposition), "OMITTED");
    assert_int_equal(viv_scope_outgoing(scope, &outgoing, NULL), 0);
    assert_int_equal(outgoing.n_left_out, 0);
    viv_scope_free(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_come_back_as_they_were),
        cmocka_unit_test(test_getter_of_another_type_says_which),
        cmocka_unit_test(test_containers_hold_their_items_in_order),
        cmocka_unit_test(test_one_object_in_two_places_stays_one),
        cmocka_unit_test(test_depth_is_no_limit),
        cmocka_unit_test(test_scope_that_was_read_can_be_changed),
        cmocka_unit_test(test_name_is_replaced_and_taken_away),
        cmocka_unit_test(test_int_that_fits_64_bits_is_a_small_one),
        cmocka_unit_test(test_failure_is_remembered),
        cmocka_unit_test(test_name_that_is_not_unicode_is_refused),
        cmocka_unit_test(test_bytes_that_are_no_snapshot_are_refused_with_words),
        cmocka_unit_test(test_every_cut_and_every_bit_ends_well),
        cmocka_unit_test(test_sizes_are_those_of_the_file),
        cmocka_unit_test(test_what_was_left_out_stays_with_the_file_and_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
