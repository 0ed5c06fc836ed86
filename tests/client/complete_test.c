/* What Tab completes in viv repl, as far as no supervisor is asked. */
#include "client/viv/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

static void test_words(void **state)
{
    static const char *const lines[][3] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"x = time.sl", "time.sl", "sl"},
        {"f(a.b.c", "a.b.c", "c"},
        {"a.", "a.", ""},
        {"x1", "x1", "x1"},
        {"1", "", ""},
        {"1.5", "", ""},
        {"'abc'.up", "", ""},
        {"f().na", "", ""},
        {"a +", "", ""},
        {"caf\u00e9", "caf\u00e9", "caf\u00e9"},
        {"%wh", "%wh", "%wh"},
        {"%", "%", "%"},
        {"a %wh", "wh", "wh"},
        {"%save fi", "fi", "fi"},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *word = viv_complete_word(lines[i][0]);

        assert_string_equal(word, lines[i][1]);
        assert_string_equal(viv_complete_tail(word), lines[i][2]);
    }
}

static void test_commands(void **state)
{
    static const char *const words[][2] = {
        {"%", "%whos\n%save\n%load\n%reset\n%help\n"}, {"%re", "%reset\n"}, {"%x", ""}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char *names = viv_complete_commands(words[i][0]);

        assert_string_equal(names, words[i][1]);
        free(names);
    }
}

/* They come from code that nobody trusts. */
static void test_what_is_no_name_is_dropped(void **state)
{
    char names[] =
        "good\n\x1b]0;bad\n\nfi ne\n9\nal\x07so\nna\u00efve\n\xc2\x9bq\n_x9\n\xc2\ncut off";

    viv_complete_clean(names);
    assert_string_equal(names, "good\nna\u00efve\n_x9\n\xc2\n");
}

static void test_common(void **state)
{
    assert_int_equal(viv_complete_common(""), 0);
    assert_int_equal(viv_complete_common("abc\n"), 3);
    assert_int_equal(viv_complete_common("abc\nabd\nab\n"), 2);
    assert_int_equal(viv_complete_common("abc\nxyz\n"), 0);
    /* e with an acute and a grave accent share their first byte */
    assert_int_equal(viv_complete_common("n\u00e9\nn\u00e8\n"), 1);
}

static void test_columns(void **state)
{
    static const struct {
        unsigned width;
        const char *text;
    } screens[] = {
        {80, "a    bcd  ef\n"},
        {10, "a    bcd\nef\n"},
        {1, "a\nbcd\nef\n"},
    };

    for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        viv_complete_print(out, "a\nbcd\nef\n", screens[i].width);
        fclose(out);
        assert_string_equal(text, screens[i].text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_what_is_no_name_is_dropped),
        cmocka_unit_test(test_common),
        cmocka_unit_test(test_columns),
    };

    return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
