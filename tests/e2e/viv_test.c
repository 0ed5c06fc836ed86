/* The viv command against a real daemon: what a user types and sees. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

/* ---- run ---- */

static void test_output_then_the_value_as_a_repl_prints_it(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "-c", "print('hello')\n'val' + 'ue'");
    viv_expect(&viv, 0, "hello\n'value'\n", "");
}

static void test_none_is_not_printed(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "-c", "print('x', end='')");
    viv_expect(&viv, 0, "x", "");
}

static void test_traceback_goes_to_stderr_as_python3_prints_it(void **state)
{
    struct viv viv;

    e2e_need("private_tmpfs");
    VIV_RUN(&viv, "run", "-c", "1/0");
    viv_expect(&viv, 1, "",
               "Traceback (most recent call last):\n"
               "  File \"<string>\", line 1, in <module>\n"
               "    1/0\n"
               "    ~^~\n"
               "ZeroDivisionError: division by zero\n");
}

static void test_stderr_of_the_code_is_ours(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "-c", "import sys; print('o'); print('e', file=sys.stderr)");
    viv_expect(&viv, 0, "o\n", "e\n");
}

static void test_exit_status_is_the_code_s(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "-c", "import sys; sys.exit(3)");
    viv_expect(&viv, 3, "", "");
    VIV_RUN(&viv, "run", "-c", "import sys; sys.exit('bye')");
    viv_expect(&viv, 1, "", "bye\n");
}

static void test_code_comes_from_standard_input(void **state)
{
    struct viv viv;

    viv_run(&viv, "print(6 * 7)", (const char *const[]){"run", "-", NULL});
    viv_expect(&viv, 0, "42\n", "");
    viv_run(&viv, "1/0", (const char *const[]){"run", NULL});
    assert_non_null(strstr(viv.err_text, "File \"<stdin>\", line 1"));
}

static void test_code_comes_from_a_file_and_its_input_from_ours(void **state)
{
    char path[100];
    struct viv viv;
    FILE *file;

    snprintf(path, sizeof(path), "%s/job.py", e2e.daemon.folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("print(input()[::-1])", file);
    fclose(file);
    viv_run(&viv, "abc\n", (const char *const[]){"run", path, "--stdin", "-", NULL});
    viv_expect(&viv, 0, "cba\n", "");
    unlink(path);
}

static void test_file_that_is_not_there(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "/nowhere/job.py");
    viv_expect(&viv, 2, "", "viv: can't open /nowhere/job.py: No such file or directory\n");
}

static void test_no_stream_shows_the_same(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--no-stream", "-c",
            "import sys\nprint('o')\nprint('e', file=sys.stderr)\n7");
    viv_expect(&viv, 0, "o\n7\n", "e\n");
}

static void test_json_is_one_object(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--json", "-c", "print('o')\n{'a': [1, None]}");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "\"outcome\": \"COMPLETED\""));
    assert_non_null(strstr(viv.out_text, "\"result\": {\"a\": [1, null]}"));
    assert_non_null(strstr(viv.out_text, "\"stdout\": \"o\\n\""));
    assert_ptr_equal(strchr(viv.out_text, '\n'), viv.out_text + strlen(viv.out_text) - 1);
}

static void test_time_limit_exits_as_timeout_does(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--timeout", "0.3", "-c", "while True: pass");
    assert_int_equal(viv.status, 124);
    assert_non_null(strstr(viv.err_text, "viv: time limit reached (cooperative, "));
}

static void test_dead_worker_is_reported_with_its_signal(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "-c", "import ctypes; ctypes.string_at(0)");
    viv_expect(&viv, 139, "", "viv: worker died: killed by signal 11 (SIGSEGV)\n");
}

static void test_request_that_is_refused_is_wrong_usage(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--memory", "100G", "-c", "1");
    assert_int_equal(viv.status, 2);
    assert_non_null(strstr(viv.err_text, "ceiling"));
}

static void test_dropped_output_is_said(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--output", "10", "-c", "print('x' * 100)");
    viv_expect(&viv, 0, "xxxxxxxxxx", "viv: output past the limit was dropped\n");
}

static void test_reader_that_has_had_enough_ends_it(void **state)
{
    struct viv viv;

    viv_start(
        &viv, NULL,
        (const char *const[]){"run", "--id", "pipe", "-c", "while True: print('x' * 1000)", NULL});
    viv_read(&viv, "x");
    close(viv.out);
    viv.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    viv_finish(&viv);
    assert_int_equal(viv.status, 1000 + SIGPIPE);
}

/* ---- Ctrl-C ---- */

static void test_first_interrupt_cancels_and_shows_the_cleanup(void **state)
{
    struct viv viv;

    viv_start(&viv, NULL,
              (const char *const[]){"run", "-c",
                                    "try:\n    print('in', flush=True)\n    while True: pass\n"
                                    "finally:\n    print('cleaned')",
                                    NULL});
    viv_read(&viv, "in\n");
    kill(viv.pid, SIGINT);
    viv_finish(&viv);
    assert_int_equal(viv.status, 130);
    assert_string_equal(viv.out_text, "in\ncleaned\n");
    assert_non_null(strstr(viv.err_text, "Cancelled: interrupted at the terminal"));
    assert_non_null(strstr(viv.err_text, "viv: cancelled (cooperative, "));
}

static void test_second_interrupt_kills(void **state)
{
    struct viv viv;

    viv_start(&viv, NULL,
              (const char *const[]){"run", "--grace", "30", "-c",
                                    "print('in', flush=True)\nn = 0\nwhile True:\n    try:\n"
                                    "        while True: pass\n"
                                    "    except BaseException:\n"
                                    "        n += 1\n"
                                    "        if n == 1: print('no', flush=True)\n",
                                    NULL});
    viv_read(&viv, "in\n");
    kill(viv.pid, SIGINT);
    viv_read(&viv, "no\n");
    kill(viv.pid, SIGINT);
    viv_finish(&viv);
    assert_int_equal(viv.status, 130);
    assert_non_null(strstr(viv.err_text, "viv: cancelled (killed after "));
}

static void test_termination_cancels_too(void **state)
{
    struct viv viv;

    viv_start(
        &viv, NULL,
        (const char *const[]){"run", "-c", "print('in', flush=True)\nwhile True: pass", NULL});
    viv_read(&viv, "in\n");
    kill(viv.pid, SIGTERM);
    viv_finish(&viv);
    assert_int_equal(viv.status, 143);
}

/* ---- the other commands ---- */

static void test_ps_and_cancel(void **state)
{
    struct viv running;
    struct viv viv;

    viv_start(&running, NULL,
              (const char *const[]){"run", "--id", "job-1", "-c",
                                    "print('in', flush=True)\nwhile True: pass", NULL});
    viv_read(&running, "in\n");
    VIV_RUN(&viv, "ps");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "job-1"));
    assert_non_null(strstr(viv.out_text, "RUNNING"));
    VIV_RUN(&viv, "cancel", "--wait", "--reason", "tidy up", "job-1");
    assert_int_equal(viv.status, 0);
    assert_ptr_equal(strstr(viv.out_text, "cancelled (cooperative, "), viv.out_text);
    viv_finish(&running);
    assert_int_equal(running.status, 130);
    assert_non_null(strstr(running.err_text, "viv: cancelled: tidy up (cooperative, "));
}

static void test_cancel_of_nothing(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "cancel", "nobody");
    assert_int_equal(viv.status, 1);
    assert_non_null(strstr(viv.err_text, "no execution nobody"));
}

static void test_ps_of_nothing_prints_nothing(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "ps", "--tenant", "empty");
    viv_expect(&viv, 0, "", "");
}

static void test_describe(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "describe", "--tenant", "red");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "CPython 3.11"));
    assert_non_null(strstr(viv.out_text, "red"));
    VIV_RUN(&viv, "describe", "--json");
    assert_non_null(strstr(viv.out_text, "\"wall_time_ns\": 30000000000"));
}

static void test_no_daemon_is_said_in_clear_words(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--target", "unix:/nowhere/v.sock", "-c", "1");
    viv_expect(&viv, 69, "",
               "viv: no vivariumd at unix:/nowhere/v.sock: No such file or directory\n"
               "viv: start one with: vivariumd --listen unix:/nowhere/v.sock\n");
}

static void test_wrong_flag_is_one_line(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "run", "--frob");
    viv_expect(&viv, 2, "", "viv: run: no option --frob\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_then_the_value_as_a_repl_prints_it),
        cmocka_unit_test(test_none_is_not_printed),
        cmocka_unit_test(test_traceback_goes_to_stderr_as_python3_prints_it),
        cmocka_unit_test(test_stderr_of_the_code_is_ours),
        cmocka_unit_test(test_exit_status_is_the_code_s),
        cmocka_unit_test(test_code_comes_from_standard_input),
        cmocka_unit_test(test_code_comes_from_a_file_and_its_input_from_ours),
        cmocka_unit_test(test_file_that_is_not_there),
        cmocka_unit_test(test_no_stream_shows_the_same),
        cmocka_unit_test(test_json_is_one_object),
        cmocka_unit_test(test_time_limit_exits_as_timeout_does),
        cmocka_unit_test(test_dead_worker_is_reported_with_its_signal),
        cmocka_unit_test(test_request_that_is_refused_is_wrong_usage),
        cmocka_unit_test(test_dropped_output_is_said),
        cmocka_unit_test(test_reader_that_has_had_enough_ends_it),
        cmocka_unit_test(test_first_interrupt_cancels_and_shows_the_cleanup),
        cmocka_unit_test(test_second_interrupt_kills),
        cmocka_unit_test(test_termination_cancels_too),
        cmocka_unit_test(test_ps_and_cancel),
        cmocka_unit_test(test_cancel_of_nothing),
        cmocka_unit_test(test_ps_of_nothing_prints_nothing),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_no_daemon_is_said_in_clear_words),
        cmocka_unit_test(test_wrong_flag_is_one_line),
    };

    return cmocka_run_group_tests(tests, viv_set_up, e2e_tear_down);
}
