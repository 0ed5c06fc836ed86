/* What viv prints of scopes and sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/viv/json.h"
#include "client/viv/scope_report.h"
#include "tests/unit/test.h"

static char printed[4096];

static FILE *open_page(void)
{
    memset(printed, 0, sizeof(printed));
    return fmemopen(printed, sizeof(printed), "w");
}

static struct viv_scope *new_scope(void)
{
    struct viv_scope *scope = NULL;

    assert_int_equal(viv_scope_new(&scope, NULL), 0);
    return scope;
}

static void test_table_of_a_scope(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value rows = viv_scope_list(scope);
    FILE *page = open_page();

    viv_scope_append(scope, rows, viv_scope_none(scope));
    viv_scope_set_int64(scope, "limit", -3, NULL);
    viv_scope_set_text(scope, "t", "a\x1b[2J\u00e9", NULL);
    viv_scope_set(scope, "rows", rows, NULL);
    viv_scope_set_bytes(scope, "b", (char[3000]){0}, 3000, NULL);
    assert_true(viv_report_scope(page, scope));
    fclose(page);
    assert_string_equal(printed, "NAME   TYPE         SIZE  VALUE\n"
                                 "limit  int          11 B  -3\n"
                                 "t      str          14 B  \"a?[2J\u00e9\"\n"
                                 "rows   list         19 B  1 item\n"
                                 "b      bytes     2.9 KiB  3000 bytes\n");
    viv_scope_free(scope);
}

static void test_table_of_nothing_is_nothing(void **state)
{
    struct viv_scope *scope = new_scope();
    FILE *page = open_page();

    assert_true(viv_report_scope(page, scope));
    fclose(page);
    assert_string_equal(printed, "");
    viv_scope_free(scope);
}

static void test_manifest_tells_what_did_not_travel(void **state)
{
    struct viv_manifest_entry entries[] = {
        {"a", "", "int", "", VIV_DISPOSITION_CARRIED, 3},
        {"f", "['x']", "file", "open\nfile", VIV_DISPOSITION_OMITTED, 0},
    };
    struct viv_manifest manifest = {entries, 2};
    FILE *page = open_page();
    json_t *json = viv_json_manifest(manifest);

    viv_report_manifest(page, "left out", manifest);
    fclose(page);
    assert_string_equal(printed, "viv: left out: f['x'] (file): open?file\n");
    assert_int_equal(json_array_size(json), 1);
    json_decref(json);
}

static void test_text_is_cut_between_characters(void **state)
{
    char cell[6];

    assert_string_equal(viv_report_clean("abcdefgh", cell, sizeof(cell)), "abcde");
    assert_string_equal(viv_report_clean("abcd\u00e9", cell, sizeof(cell)), "abcd");
    assert_string_equal(viv_report_clean("abc\u20ac", cell, sizeof(cell)), "abc");
    assert_string_equal(viv_report_clean("ab\u20ac", cell, sizeof(cell)), "ab\u20ac");
    assert_string_equal(viv_report_clean("a\x7f\xc2\x9b"
                                         "b",
                                         cell, sizeof(cell)),
                        "a??b");
    assert_string_equal(viv_report_clean("a\xc2", cell, sizeof(cell)), "a\xc2");
    assert_string_equal(viv_report_clean("", cell, sizeof(cell)), "");
}

static void expect_session(struct viv_client_session_state s, const char *wanted)
{
    char line[VIV_REPORT_MAX];

    s.session_id = "s";
    s.save_error = s.save_error ? s.save_error : "";
    viv_report_session(&s, line);
    assert_string_equal(line, wanted);
}

static void test_session_that_was_restored_is_told(void **state)
{
    expect_session((struct viv_client_session_state){.snapshot_age_ns = -1}, "");
    expect_session(
        (struct viv_client_session_state){.restored = true,
                                          .restored_from = VIV_CLIENT_RESTORED_FROM_EVICTION,
                                          .snapshot_age_ns = 3000000000LL},
        "session s was restored from a snapshot 3.0 s old: its worker was evicted");
    expect_session((struct viv_client_session_state){.restored = true,
                                                     .restored_from = VIV_CLIENT_RESTORED_FROM_KILL,
                                                     .snapshot_age_ns = -1},
                   "session s lost its scope, there was no snapshot of it: its worker was killed");
    expect_session(
        (struct viv_client_session_state){.snapshot_age_ns = -1, .save_error = "disk\nfull"},
        "session s was not saved: disk?full");
}

/* 2 to the power of 60 values, if each were written out. */
static void test_shared_values_do_not_flood_json(void **state)
{
    struct viv_scope *scope = new_scope();
    struct viv_value value = viv_scope_list(scope);

    for (int i = 0; i < 60; i++) {
        struct viv_value outer = viv_scope_list(scope);

        viv_scope_append(scope, outer, value);
        viv_scope_append(scope, outer, value);
        value = outer;
    }
    assert_null(viv_json_value(value));
    viv_scope_free(scope);
}

static void test_scope_as_json(void **state)
{
    struct viv_scope *scope = new_scope();
    json_t *json;
    char *text;

    viv_scope_set_double(scope, "d", 0.5, NULL);
    viv_scope_set_bytes(scope, "b", "x", 1, NULL);
    json = viv_json_scope(scope);
    text = json_dumps(json, 0);
    assert_string_equal(
        text, "{\"python_version\": \"\", \"names\": [{\"name\": \"d\", \"type\": \"float\", "
              "\"bytes\": 14, \"value\": 0.5}, {\"name\": \"b\", \"type\": \"bytes\", \"bytes\": "
              "8}], \"left_out\": []}");
    free(text);
    json_decref(json);
    viv_scope_free(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_of_a_scope),
        cmocka_unit_test(test_table_of_nothing_is_nothing),
        cmocka_unit_test(test_manifest_tells_what_did_not_travel),
        cmocka_unit_test(test_text_is_cut_between_characters),
        cmocka_unit_test(test_session_that_was_restored_is_told),
        cmocka_unit_test(test_shared_values_do_not_flood_json),
        cmocka_unit_test(test_scope_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
