/* Where the REPL takes a statement for ended. */
#include <stdlib.h>

#include "client/viv/block.h"
#include "client/viv/history_file.h"
#include "tests/unit/test.h"

static void expect_open(const char *text, bool wanted)
{
    if (viv_block_is_open(text) != wanted)
        fail_msg("\"%s\" is taken for %s", text, wanted ? "closed" : "open");
}

static void test_brackets_strings_and_backslashes_leave_it_open(void **state)
{
    expect_open("x = 1\n", false);
    expect_open("x = [1,\n", true);
    expect_open("x = [1,\n2]\n", false);
    expect_open("f({'a': (\n", true);
    expect_open("x = '''a\n", true);
    expect_open("x = '''a\n'''\n", false);
    expect_open("x = \"\"\"a'''\n", true);
    expect_open("x = \"\"\"a\\\"\"\"\n", true);
    expect_open("x = 1 + \\\n", true);
    expect_open("x = 1 + \\\n2\n", false);
    expect_open("x = 'a\\\n", true);
    expect_open("x = 'a\\\nb'\n", false);
    expect_open("", false);
}

static void test_what_only_looks_open_is_closed(void **state)
{
    expect_open("x = '['\n", false);
    expect_open("x = \"it's\"\n", false);
    expect_open("x = 'a\\'b'\n", false);
    expect_open("x = 1 # [ '''\n", false);
    expect_open("x = '''a''' + ''\n", false);
    expect_open("x = r'\\d['\n", false);
    expect_open("x = f\"{a['b']}\"\n", false);
    expect_open("x = ''\n", false);
    expect_open("x = \"\"\n", false);
    /* wrong, which the compiler is to say */
    expect_open("x = 'never closed\n", false);
    expect_open("x = 1)\n", false);
    expect_open("x = ]]]\n", false);
}

static void expect_compound(const char *text, bool wanted)
{
    if (viv_block_is_compound(text) != wanted)
        fail_msg("\"%s\" is taken for a %s", text, wanted ? "simple statement" : "block");
}

static void test_blocks_are_known_by_their_first_word_and_colon(void **state)
{
    expect_compound("if x:\n", true);
    expect_compound("if x: pass\n", true);
    expect_compound("while True:\n", true);
    expect_compound("async def f(): # :\n", true);
    expect_compound("@decorator\n", true);
    expect_compound("@decorator(\n1)\n", true);
    expect_compound("match x:\n", true);
    expect_compound("class A(B):\n", true);
    expect_compound("try:\n", true);
    expect_compound("# why\nfor x in y:\n", true);
}

static void test_simple_statements_are_none(void **state)
{
    expect_compound("x: int = 3\n", false);
    expect_compound("f = lambda: 0\n", false);
    expect_compound("x[1:2]\n", false);
    expect_compound("{1: 2}\n", false);
    expect_compound("format = 'if:'\n", false);
    expect_compound("iffy: int = 1\n", false);
    expect_compound("match = 3\n", false);
    expect_compound("print('if x:')\n", false);
    expect_compound("x = 1 if y else 2\n", false);
    expect_compound("if x\n", false);
    expect_compound("a @ b\n", false);
    expect_compound("# if x:\n", false);
    expect_compound("", false);
}

static void expect_complete(const char *text, bool wanted)
{
    if (viv_block_is_complete(text) != wanted)
        fail_msg("\"%s\" is %s", text, wanted ? "not run" : "run too early");
}

static void test_block_at_the_prompt_ends_with_an_empty_line(void **state)
{
    expect_complete("1 + 1\n", true);
    expect_complete("def f():\n", false);
    expect_complete("def f():\n    return 1\n", false);
    expect_complete("def f():\n    return 1\n\n", true);
    expect_complete("def f():\n    \n", false);
    expect_complete("if x: pass\n", false);
    expect_complete("if x: pass\n\n", true);
    expect_complete("x = [\n\n", false);
    expect_complete("def f():\n    '''\n\n", false);
    expect_complete("def f():\n    '''\n\n    '''\n\n", true);
}

static void expect_ends(const char *text, const char *line, bool wanted)
{
    if (viv_block_ends_before(text, line) != wanted)
        fail_msg("\"%s\" %s before \"%s\"", text, wanted ? "goes on" : "ends", line);
}

static void test_block_of_a_script_ends_where_the_next_statement_begins(void **state)
{
    expect_ends("def f():\n    return 1\n", "x = f()\n", true);
    expect_ends("def f():\n    return 1\n", "    return 2\n", false);
    expect_ends("def f():\n    return 1\n", "\n", false);
    expect_ends("def f():\n    return 1\n", "# about f\n", false);
    expect_ends("if x:\n    pass\n", "else:\n", false);
    expect_ends("if x:\n    pass\n", "elif y:\n", false);
    expect_ends("if x:\n    pass\n", "else_ = 1\n", true);
    expect_ends("try:\n    pass\n", "except E:\n", false);
    expect_ends("try:\n    pass\n", "finally:\n", false);
    expect_ends("@decorator\n", "def f():\n", false);
    expect_ends("x = [\n", "1]\n", false);
    expect_ends("x = 1\n", "y = 2\n", true);
    expect_ends("\n# nothing\n", "y = 2\n", false);
    expect_ends("if x:\n    pass\n", "%whos\n", true);
}

static void test_nothing_but_comments_is_empty(void **state)
{
    assert_true(viv_block_is_empty(""));
    assert_true(viv_block_is_empty("\n  \n# x = 1\n"));
    assert_false(viv_block_is_empty("# one\nx\n"));
    assert_false(viv_block_is_empty("''\n"));
}

static void expect_path(const char *state_home, const char *home, const char *wanted)
{
    char *path = viv_history_path(state_home, home);

    if (wanted)
        assert_string_equal(path, wanted);
    else
        assert_null(path);
    free(path);
}

static void test_history_has_its_place(void **state)
{
    expect_path("/s", "/h", "/s/vivarium/history");
    expect_path(NULL, "/h", "/h/.local/state/vivarium/history");
    expect_path("", "/h", "/h/.local/state/vivarium/history");
    expect_path("relative", "/h", "/h/.local/state/vivarium/history");
    expect_path(NULL, NULL, NULL);
    expect_path(NULL, "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brackets_strings_and_backslashes_leave_it_open),
        cmocka_unit_test(test_what_only_looks_open_is_closed),
        cmocka_unit_test(test_blocks_are_known_by_their_first_word_and_colon),
        cmocka_unit_test(test_simple_statements_are_none),
        cmocka_unit_test(test_block_at_the_prompt_ends_with_an_empty_line),
        cmocka_unit_test(test_block_of_a_script_ends_where_the_next_statement_begins),
        cmocka_unit_test(test_nothing_but_comments_is_empty),
        cmocka_unit_test(test_history_has_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
