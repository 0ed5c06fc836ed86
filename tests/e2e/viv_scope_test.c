/* viv with scopes in files and with sessions, against a real daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

static char file[128];

static int set_up(void **state)
{
    if (viv_set_up(state))
        return -1;
    snprintf(file, sizeof(file), "%s/names.scope", e2e.daemon.folder);
    return 0;
}

static int remove_file(void **state)
{
    unlink(file);
    return 0;
}

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* ---- files ---- */

static void test_names_go_from_one_execution_to_the_next(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--scope-out", file, "-c", "limit = 3\ndef f(): return limit");
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "run", "--scope-in", file, "-c", "limit = 5\nf()");
    viv_expect(&viv, 0, "5\n", "");
}

static void test_what_can_not_travel_is_told_and_noted_in_the_file(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--scope-out", file, "-c",
            "import threading\nlock = threading.Lock()\nn = 1");
    assert_int_equal(viv.status, 0);
    expect_part(viv.err_text, "viv: left out: lock (_thread.lock): ");
    VIV_RUN(&viv, "scope", "show", file);
    assert_int_equal(viv.status, 0);
    expect_part(viv.out_text, "NAME       TYPE                SIZE  VALUE\n");
    expect_part(viv.out_text, "\nn          int                  7 B  1\n");
    expect_part(viv.out_text, "\nlock       _thread.lock    left out  ");
    VIV_RUN(&viv, "scope", "show", "--json", file);
    expect_part(viv.out_text, "{\"name\": \"n\", \"type\": \"int\", \"bytes\": 7, \"value\": 1}");
    expect_part(viv.out_text, "\"left_out\": [{\"name\": \"lock\"");
    VIV_RUN(&viv, "run", "--scope-in", file, "-c", "n, 'lock' in globals()");
    viv_expect(&viv, 0, "(1, False)\n", "");
}

/* A module that the receiver doesn't have. */
static void test_what_could_not_be_restored_is_told(void **state)
{
    uint8_t data[4096];
    struct viv viv;
    uint8_t *name;
    FILE *both;
    size_t len;

    VIV_RUN(&viv, "run", "--scope-out", file, "-c", "import json as j\nn = 1");
    assert_int_equal(viv.status, 0);
    both = fopen(file, "r+");
    assert_non_null(both);
    len = fread(data, 1, sizeof(data), both);
    name = memmem(data, len, "json", 4);
    assert_non_null(name);
    memcpy(name, "nsoj", 4);
    rewind(both);
    fwrite(data, 1, len, both);
    fclose(both);
    VIV_RUN(&viv, "run", "--scope-in", file, "-c", "n");
    assert_int_equal(viv.status, 0);
    assert_string_equal(viv.out_text, "1\n");
    expect_part(viv.err_text, "viv: not restored: j ");
    expect_part(viv.err_text, "nsoj");
}

static void test_file_that_is_no_scope(void **state)
{
    struct viv viv;

    write_file("import os\n");
    VIV_RUN(&viv, "scope", "show", file);
    assert_int_equal(viv.status, 2);
    expect_part(viv.err_text, "names.scope: not a scope snapshot: ");
    VIV_RUN(&viv, "run", "--scope-in", file, "-c", "1");
    assert_int_equal(viv.status, 2);
    expect_part(viv.err_text, "not a scope snapshot: ");
}

static void test_file_survives_an_execution_without_a_scope(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--scope-out", file, "-c", "n = 1");
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "run", "--scope-out", file, "-c", "import os; os._exit(3)");
    assert_int_equal(viv.status, 3);
    expect_part(viv.err_text, "no scope came back");
    VIV_RUN(&viv, "run", "--scope-in", file, "-c", "n");
    viv_expect(&viv, 0, "1\n", "");
}

static void test_file_that_can_not_be_written(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--scope-out", "/nowhere/x", "-c", "1");
    assert_int_equal(viv.status, 74);
    assert_string_equal(viv.out_text, "1\n");
    expect_part(viv.err_text, "viv: can't write /nowhere/x: No such file or directory\n");
}

static void test_scope_built_in_c_is_python_s(void **state)
{
    struct viv_client_request request = {
        .code = "import math\n"
                "assert big == 2**64 and t == 'a\\0b' and z == 1 - 2j and d[(1,)] is rows\n"
                "assert rows[1] is rows and s == {None, True} and math.isnan(nan)\n"
                "rows[0] = [big, d['k']]",
        .return_scope = true};
    struct viv_client_response *response;
    struct viv_scope *scope = NULL;
    struct viv_value rows;
    struct viv_value dict;
    struct viv_value key;
    struct viv_value set;

    assert_int_equal(viv_scope_new(&scope, NULL), 0);
    rows = viv_scope_list(scope);
    dict = viv_scope_dict(scope);
    key = viv_scope_tuple(scope);
    set = viv_scope_set_of(scope);
    viv_scope_append(scope, rows, viv_scope_none(scope));
    viv_scope_append(scope, rows, rows);
    viv_scope_append(scope, key, viv_scope_int64(scope, 1));
    viv_scope_put(scope, dict, key, rows);
    viv_scope_put_text(scope, dict, "k", viv_scope_bytes(scope, "\xff", 1));
    viv_scope_append(scope, set, viv_scope_none(scope));
    viv_scope_append(scope, set, viv_scope_bool(scope, true));
    viv_scope_set(scope, "rows", rows, NULL);
    viv_scope_set(scope, "d", dict, NULL);
    viv_scope_set(scope, "s", set, NULL);
    viv_scope_set(scope, "big", viv_scope_big_int(scope, "\0\0\0\0\0\0\0\0\1", 9), NULL);
    viv_scope_set(scope, "t", viv_scope_text_n(scope, "a\0b", 3), NULL);
    viv_scope_set(scope, "z", viv_scope_complex(scope, 1, -2), NULL);
    assert_int_equal(viv_scope_set_double(scope, "nan", 0.0 / 0.0, NULL), 0);
    request.scope = scope;
    response = e2e_run_request(&request);
    if (response->exception)
        fail_msg("%s", response->exception->traceback);
    rows = viv_value_item(viv_scope_get(response->scope, "rows"), 0);
    assert_int_equal(viv_value_kind(viv_value_item(rows, 0)), VIV_VALUE_BIG_INT);
    assert_int_equal(viv_value_kind(viv_value_item(rows, 1)), VIV_VALUE_BYTES);
    viv_client_response_free(response);
    viv_scope_free(scope);
}

/* ---- sessions ---- */

static void test_session_from_open_to_close(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "session", "open", "--id", "one", "--durable");
    viv_expect(&viv, 0, "one\n", "");
    VIV_RUN(&viv, "run", "--session", "one", "-c", "x = 20");
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "run", "--session", "one", "-c", "x + 1");
    viv_expect(&viv, 0, "21\n", "");
    VIV_RUN(&viv, "session", "list");
    assert_int_equal(viv.status, 0);
    expect_part(viv.out_text, "\none ");
    expect_part(viv.out_text, " WARM ");
    expect_part(viv.out_text, " every execution\n");
    VIV_RUN(&viv, "session", "list", "--json");
    expect_part(viv.out_text, "\"session_id\": \"one\"");
    VIV_RUN(&viv, "session", "open", "--id", "one");
    assert_int_equal(viv.status, 1);
    VIV_RUN(&viv, "session", "close", "one");
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "session", "close", "one");
    assert_int_equal(viv.status, 1);
    VIV_RUN(&viv, "run", "--session", "one", "-c", "1");
    assert_int_equal(viv.status, 1);
    VIV_RUN(&viv, "session", "list", "--tenant", "empty");
    viv_expect(&viv, 0, "", "");
}

static void test_session_is_saved_and_loaded(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "session", "open", "--id", "two");
    VIV_RUN(&viv, "run", "--session", "two", "-c", "a = 1");
    VIV_RUN(&viv, "session", "save", "two", file);
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "run", "--session", "two", "-c", "a = 2; b = 3");
    VIV_RUN(&viv, "session", "load", "two", file);
    viv_expect(&viv, 0, "", "");
    VIV_RUN(&viv, "run", "--session", "two", "-c", "a, 'b' in globals()");
    viv_expect(&viv, 0, "(1, False)\n", "");
    VIV_RUN(&viv, "session", "close", "two");
    VIV_RUN(&viv, "session", "open", "--id", "three", "--scope-in", file, "--json");
    viv_expect(&viv, 0, "{\"session_id\": \"three\", \"not_restored\": []}\n", "");
    VIV_RUN(&viv, "run", "--session", "three", "-c", "a");
    viv_expect(&viv, 0, "1\n", "");
    VIV_RUN(&viv, "session", "close", "three", "--json");
    viv_expect(&viv, 0, "{\"session_id\": \"three\"}\n", "");
}

static void test_session_that_was_restored_is_told(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "session", "open", "--id", "four", "--durable");
    VIV_RUN(&viv, "run", "--session", "four", "-c", "a = 1");
    VIV_RUN(&viv, "run", "--session", "four", "-c", "import ctypes; ctypes.string_at(0)");
    assert_int_equal(viv.status, 139);
    VIV_RUN(&viv, "run", "--session", "four", "-c", "a");
    assert_int_equal(viv.status, 0);
    assert_string_equal(viv.out_text, "1\n");
    expect_part(viv.err_text, "viv: session four was restored from a snapshot ");
    expect_part(viv.err_text, " old: its worker crashed\n");
    VIV_RUN(&viv, "run", "--session", "four", "--json", "-c", "a");
    expect_part(viv.out_text, "\"session\": {\"session_id\": \"four\", \"restored\": false");
    VIV_RUN(&viv, "session", "close", "four");
}

#define TEST(name) cmocka_unit_test_teardown(name, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_go_from_one_execution_to_the_next),
        TEST(test_what_can_not_travel_is_told_and_noted_in_the_file),
        TEST(test_what_could_not_be_restored_is_told),
        TEST(test_file_that_is_no_scope),
        TEST(test_file_survives_an_execution_without_a_scope),
        TEST(test_file_that_can_not_be_written),
        TEST(test_scope_built_in_c_is_python_s),
        TEST(test_session_from_open_to_close),
        TEST(test_session_is_saved_and_loaded),
        TEST(test_session_that_was_restored_is_told),
    };

    return cmocka_run_group_tests(tests, set_up, e2e_tear_down);
}
