#include "worker/vm/cpython/statement.h"

#include <string.h>

#include "tests/unit/test.h"

static const char *const others[] = {
    "pass",
    "pass\n",
    "pass  # of no use",
    "pass\n\n# a comment (with a bracket\n  \n\f\n",
    "pass\r\n\r\n",
    "f()\rpass",
    "import a.b",
    "from a import b",
    "x = 1",
    "x = f(a=1)[2]",
    "x, y = y, x",
    "x: int = 3",
    "x[a:b] = c",
    "x += 1",
    "x=-1",
    "del x",
    "'a string'\npass",
    "def f():\n    return f(1)",
    "def f():\n\tf(1)",
    "def f(): f(1)",
    "if x: y",
    "if x:\n    y\nelse: z",
    "x = (\n1)\npass",
    "for x in y: x",
};

/* Expression statements, and what only a whole grammar could tell. */
static const char *const unknown[] = {
    "",
    "\n",
    "# nothing",
    "x",
    "f(1)",
    "f(a=1)",
    "x == 1",
    "x != 1",
    "x <= 1",
    "x[a:=1]",
    "lambda x=1: x",
    "not x",
    "await x",
    "yield x",
    "x if y else z",
    "passe",
    "pass_",
    "pass\xc3\xa9",
    "pass; x",
    "x = 1; y",
    "\fx",
    "  \fx",
    "f(\n  1)",
    "f(\n  x = 1\n)",
    "f(\n# )\n  1)",
    "x + \\\npass",
    "x + \\\r\n  y",
    "x + \\\n\n  y",
    "'''\npass\n'''",
    "'''\npass\n# a comment\n'''",
    "f'''\nx = 1\n{x=}'''",
    "'a\\\npass'",
    "match(x)",
    "x = ')'",
    "x) # (",
};

static void what_is_no_expression_is_told(void **state)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (!viv_ends_in_other_statement(others[i], strlen(others[i])))
            fail_msg("not told of: %s", others[i]);
}

static void what_may_be_one_is_not_told(void **state)
{
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
        if (viv_ends_in_other_statement(unknown[i], strlen(unknown[i])))
            fail_msg("told of: %s", unknown[i]);
}

static const struct {
    const char *code, *rest; /* NULL: it is not to be cut */
} cuts[] = {
    {"x", "x"},
    {"a = 1\nx", "x"},
    {"a = 1\nx  # y\n\n", "x  # y\n\n"},
    {"a = 1\r\nx", "x"},
    {"a = 1\rx", "x"},
    {"def f():\n    g('\\n')\nf(\"\\\\d\")", "f(\"\\\\d\")"},
    {"x1y = 1_000 + a.b1c\nbase64.b64encode(x)", "base64.b64encode(x)"},
    {"'''\nx", "x"}, /* which is no program before the cut */
    {"", NULL},
    {"def f():\n    g()", NULL},
    {"\fx", NULL},
    {"a = \\\nx", NULL},
    {"a = \\\r\nx", NULL},
    {"'\\d'\nx", NULL},
    {"b'\\N'\nx", NULL},
    {"a = 1if b else c\nx", NULL},
    {"a = 0xfor b\nx", NULL},
    {"a = 1.if b else c\nx", NULL},
    {"a\n1if b else c", NULL},
    {"from __future__ import barry_as_FLUFL\na <> b", NULL},
    {"x\\", NULL},
};

static void cuts_are_before_the_last_line(void **state)
{
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        size_t at = 0;
        bool found = viv_find_cut(cuts[i].code, strlen(cuts[i].code), &at);

        if (found != (cuts[i].rest != NULL))
            fail_msg("%s: %d", cuts[i].code, found);
        else if (found)
            assert_string_equal(cuts[i].code + at, cuts[i].rest);
    }
}

/* What stands behind the code is not looked at, nor what stands before it. */
static void the_length_counts(void **state)
{
    assert_true(viv_ends_in_other_statement("pass; x", 4));
    assert_false(viv_ends_in_other_statement("x\npass", 1));
    assert_true(viv_ends_in_other_statement("\\\npass" + 2, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_expression_is_told),
        cmocka_unit_test(what_may_be_one_is_not_told),
        cmocka_unit_test(cuts_are_before_the_last_line),
        cmocka_unit_test(the_length_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
