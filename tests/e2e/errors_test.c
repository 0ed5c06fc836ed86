/* Exceptions, the compiler's complaints, and sys.exit(). */
#include <string.h>

#include "tests/e2e/e2e.h"

static struct viv_client_response *response;

static int end_test(void **state)
{
    viv_client_response_free(response);
    response = NULL;
    return 0;
}

/* What left the code as an exception. */
static const struct viv_client_exception *raised_by(const char *code)
{
    response = e2e_run(code);
    assert_int_equal(response->outcome, VIV_CLIENT_RAISED);
    assert_non_null(response->exception);
    return response->exception;
}

static void test_exception_has_type_and_message(void **state)
{
    const struct viv_client_exception *e = raised_by("raise ValueError('no', 3)");

    assert_string_equal(e->type, "ValueError");
    assert_string_equal(e->message, "('no', 3)");
    assert_null(e->syntax);
}

static void test_exception_of_a_module_is_qualified(void **state)
{
    assert_string_equal(raised_by("import json; json.loads('{')")->type,
                        "json.decoder.JSONDecodeError");
}

static void test_exception_of_the_code_is_not(void **state)
{
    assert_string_equal(raised_by("class Mine(Exception): pass\nraise Mine()")->type, "Mine");
}

static void test_traceback_is_what_python_prints(void **state)
{
    e2e_need("private_tmpfs");
    assert_string_equal(raised_by("def f(x):\n    return 1 / x\n\nf(0)\n")->traceback,
                        "Traceback (most recent call last):\n"
                        "  File \"<execution>\", line 4, in <module>\n"
                        "    f(0)\n"
                        "  File \"<execution>\", line 2, in f\n"
                        "    return 1 / x\n"
                        "           ~~^~~\n"
                        "ZeroDivisionError: division by zero\n");
}

static void test_traceback_names_the_file(void **state)
{
    struct viv_client_request request = {.code = "1/0", .filename = "job.py"};

    response = e2e_run_request(&request);
    assert_non_null(strstr(response->exception->traceback, "File \"job.py\", line 1, in <module>"));
    assert_string_equal(response->exception->frames[0].filename, "job.py");
}

static void test_frames_are_structured(void **state)
{
    const struct viv_client_exception *e = raised_by("def f(x):\n    return 1 / x\n\nf(0)\n");

    assert_int_equal(e->frame_count, 2);
    assert_string_equal(e->frames[0].function, "<module>");
    assert_int_equal(e->frames[0].line, 4);
    assert_string_equal(e->frames[1].function, "f");
    assert_int_equal(e->frames[1].line, 2);
    assert_string_equal(e->frames[1].source, "return 1 / x");
    assert_int_equal(e->frames[1].column, 11);
    assert_int_equal(e->frames[1].end_column, 16);
}

static void test_cause_is_in_the_traceback(void **state)
{
    const char *text = raised_by("try:\n    1/0\nexcept Exception as e:\n"
                                 "    raise KeyError('k') from e\n")
                           ->traceback;

    assert_non_null(strstr(text, "ZeroDivisionError: division by zero"));
    assert_non_null(strstr(text, "The above exception was the direct cause"));
}

static void test_exception_group_is_shown_as_python_does(void **state)
{
    const char *text = raised_by("raise ExceptionGroup('g', [ValueError(1)])")->traceback;

    assert_non_null(strstr(text, "  + Exception Group Traceback (most recent call last):"));
    assert_non_null(strstr(text, "    | ValueError: 1"));
}

static void test_surrogates_and_nuls_in_a_message_are_escaped(void **state)
{
    assert_string_equal(raised_by("raise ValueError('a\\0b\\ud800')")->message, "a\\x00b\\ud800");
}

static void test_str_that_raises_does_not_hide_the_exception(void **state)
{
    assert_string_equal(raised_by("class E(Exception):\n"
                                  "    def __str__(self): raise RuntimeError()\n"
                                  "raise E()")
                            ->type,
                        "E");
}

static void test_recursion_ends_as_an_exception(void **state)
{
    assert_string_equal(raised_by("def f(): f()\nf()")->type, "RecursionError");
}

static void test_keyboard_interrupt_of_the_code_itself(void **state)
{
    assert_string_equal(raised_by("raise KeyboardInterrupt")->type, "KeyboardInterrupt");
    assert_null(response->receipt);
}

static void test_output_before_the_exception_is_kept(void **state)
{
    raised_by("print('before')\n1/0");
    assert_int_equal(response->stdout_len, 7);
    assert_memory_equal(response->stdout_data, "before\n", 7);
}

/* ---- the compiler ---- */

static void test_syntax_error_says_where(void **state)
{
    const struct viv_client_exception *e = raised_by("x = 1\ny = (2 +\n");

    assert_string_equal(e->type, "SyntaxError");
    assert_non_null(e->syntax);
    assert_int_equal(e->syntax->line, 2);
    assert_int_equal(e->syntax->offset, 5);
    assert_string_equal(e->syntax->text, "y = (2 +\n");
    assert_int_equal(e->frame_count, 0);
}

static void test_syntax_error_is_printed_as_python_does(void **state)
{
    assert_string_equal(raised_by("def f(: pass")->traceback, "  File \"<execution>\", line 1\n"
                                                              "    def f(: pass\n"
                                                              "          ^\n"
                                                              "SyntaxError: invalid syntax\n");
}

static void test_indentation_error(void **state)
{
    assert_string_equal(raised_by("if 1:\npass")->type, "IndentationError");
}

static void test_nothing_runs_before_a_syntax_error(void **state)
{
    raised_by("print('ran')\n)");
    assert_int_equal(response->stdout_len, 0);
}

static void test_nesting_that_the_compiler_can_not_take(void **state)
{
    char code[4001] = "";

    memset(code, '(', 2000);
    memset(code + 2000, ')', 2000);
    raised_by(code);
    e2e_expect_alive();
}

/* ---- the end ---- */

static void expect_exit(const char *code, int status)
{
    response = e2e_run(code);
    assert_int_equal(response->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(response->exit_status, status);
    end_test(NULL);
}

static void test_sys_exit_has_a_status(void **state)
{
    expect_exit("import sys; sys.exit(3)", 3);
    expect_exit("import sys; sys.exit()", 0);
    expect_exit("import sys; sys.exit(True)", 1);
    expect_exit("import sys; sys.exit(-1)", 255);
    expect_exit("import sys; sys.exit(256)", 0);
    expect_exit("raise SystemExit(7)", 7);
}

static void test_sys_exit_with_a_text_writes_it_to_stderr(void **state)
{
    response = e2e_run("import sys; sys.exit('bye')");
    assert_int_equal(response->exit_status, 1);
    assert_int_equal(response->stderr_len, 4);
    assert_memory_equal(response->stderr_data, "bye\n", 4);
}

static void test_end_without_sys_exit_has_no_status(void **state)
{
    expect_exit("1", -1);
}

static void test_sys_exit_that_is_caught_is_none(void **state)
{
    expect_exit("import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass", -1);
}

#define TEST(f) cmocka_unit_test_teardown(f, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exception_has_type_and_message),
        TEST(test_exception_of_a_module_is_qualified),
        TEST(test_exception_of_the_code_is_not),
        TEST(test_traceback_is_what_python_prints),
        TEST(test_traceback_names_the_file),
        TEST(test_frames_are_structured),
        TEST(test_cause_is_in_the_traceback),
        TEST(test_exception_group_is_shown_as_python_does),
        TEST(test_surrogates_and_nuls_in_a_message_are_escaped),
        TEST(test_str_that_raises_does_not_hide_the_exception),
        TEST(test_recursion_ends_as_an_exception),
        TEST(test_keyboard_interrupt_of_the_code_itself),
        TEST(test_output_before_the_exception_is_kept),
        TEST(test_syntax_error_says_where),
        TEST(test_syntax_error_is_printed_as_python_does),
        TEST(test_indentation_error),
        TEST(test_nothing_runs_before_a_syntax_error),
        TEST(test_nesting_that_the_compiler_can_not_take),
        TEST(test_sys_exit_has_a_status),
        TEST(test_sys_exit_with_a_text_writes_it_to_stderr),
        TEST(test_end_without_sys_exit_has_no_status),
        TEST(test_sys_exit_that_is_caught_is_none),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
