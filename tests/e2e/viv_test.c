/* The viv command against a real daemon: what a user types and sees. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

#define MAX_WORDS 16
#define TEXT_MAX 8192

/* One viv, running or ended. */
struct viv {
    pid_t pid;
    int out; /* what it writes */
    int err;
    char out_text[TEXT_MAX];
    char err_text[TEXT_MAX];
    int status; /* exit status, or 1000 + signal */
};

/* NULL input: /dev/null. */
static void start(struct viv *viv, const char *input, const char *const *words)
{
    char *argv[MAX_WORDS] = {(char *)daemon_program("client/viv/viv")};
    int out[2];
    int err[2];
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int feed[2];

    for (int i = 0; words[i]; i++)
        argv[i + 1] = (char *)words[i];
    *viv = (struct viv){0};
    assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC) | pipe2(feed, O_CLOEXEC), 0);
    viv->pid = fork();
    if (viv->pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        dup2(input ? feed[0] : in, 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(argv[0], argv);
        _exit(127);
    }
    close(in);
    close(out[1]);
    close(err[1]);
    close(feed[0]);
    if (input)
        assert_int_equal(write(feed[1], input, strlen(input)), strlen(input));
    close(feed[1]);
    viv->out = out[0];
    viv->err = err[0];
}

/* Takes what is there; false at the end. */
static bool take(int fd, char *text)
{
    size_t used = strlen(text);
    ssize_t got = read(fd, text + used, TEXT_MAX - 1 - used);

    return got > 0;
}

/* Reads both until stdout holds `until`, or to the end where that is NULL. */
static void read_output(struct viv *viv, const char *until)
{
    struct pollfd fds[2] = {{.fd = viv->out, .events = POLLIN}, {.fd = viv->err, .events = POLLIN}};

    while ((fds[0].fd >= 0 || fds[1].fd >= 0) && !(until && strstr(viv->out_text, until))) {
        assert_true(poll(fds, 2, 60000) > 0);
        if (fds[0].revents && !take(viv->out, viv->out_text))
            fds[0].fd = -1;
        if (fds[1].revents && !take(viv->err, viv->err_text))
            fds[1].fd = -1;
    }
}

static void finish(struct viv *viv)
{
    int status;

    read_output(viv, NULL);
    close(viv->out);
    close(viv->err);
    assert_int_equal(waitpid(viv->pid, &status, 0), viv->pid);
    viv->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void run_with(struct viv *viv, const char *input, const char *const *words)
{
    start(viv, input, words);
    finish(viv);
}

#define RUN(viv, ...) run_with(viv, NULL, (const char *const[]){__VA_ARGS__, NULL})

static void expect(const struct viv *viv, int status, const char *out, const char *err)
{
    if (viv->status != status || strcmp(viv->out_text, out) != 0 || strcmp(viv->err_text, err) != 0)
        fail_msg("status %d, stdout \"%s\", stderr \"%s\"", viv->status, viv->out_text,
                 viv->err_text);
}

static int set_up(void **state)
{
    if (e2e_set_up(state))
        return -1;
    return setenv("VIVARIUM_TARGET", e2e.daemon.target, 1);
}

/* ---- run ---- */

static void test_output_then_the_value_as_a_repl_prints_it(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "print('hello')\n'val' + 'ue'");
    expect(&viv, 0, "hello\n'value'\n", "");
}

static void test_none_is_not_printed(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "print('x', end='')");
    expect(&viv, 0, "x", "");
}

static void test_traceback_goes_to_stderr_as_python3_prints_it(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "1/0");
    expect(&viv, 1, "",
           "Traceback (most recent call last):\n"
           "  File \"<string>\", line 1, in <module>\n"
           "    1/0\n"
           "    ~^~\n"
           "ZeroDivisionError: division by zero\n");
}

static void test_stderr_of_the_code_is_ours(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "import sys; print('o'); print('e', file=sys.stderr)");
    expect(&viv, 0, "o\n", "e\n");
}

static void test_exit_status_is_the_code_s(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "import sys; sys.exit(3)");
    expect(&viv, 3, "", "");
    RUN(&viv, "run", "-c", "import sys; sys.exit('bye')");
    expect(&viv, 1, "", "bye\n");
}

static void test_code_comes_from_standard_input(void **state)
{
    struct viv viv;

    run_with(&viv, "print(6 * 7)", (const char *const[]){"run", "-", NULL});
    expect(&viv, 0, "42\n", "");
    run_with(&viv, "1/0", (const char *const[]){"run", NULL});
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
    run_with(&viv, "abc\n", (const char *const[]){"run", path, "--stdin", "-", NULL});
    expect(&viv, 0, "cba\n", "");
    unlink(path);
}

static void test_file_that_is_not_there(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "/nowhere/job.py");
    expect(&viv, 2, "", "viv: can't open /nowhere/job.py: No such file or directory\n");
}

static void test_no_stream_shows_the_same(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--no-stream", "-c", "import sys\nprint('o')\nprint('e', file=sys.stderr)\n7");
    expect(&viv, 0, "o\n7\n", "e\n");
}

static void test_json_is_one_object(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--json", "-c", "print('o')\n{'a': [1, None]}");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "\"outcome\": \"COMPLETED\""));
    assert_non_null(strstr(viv.out_text, "\"result\": {\"a\": [1, null]}"));
    assert_non_null(strstr(viv.out_text, "\"stdout\": \"o\\n\""));
    assert_ptr_equal(strchr(viv.out_text, '\n'), viv.out_text + strlen(viv.out_text) - 1);
}

static void test_time_limit_exits_as_timeout_does(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--timeout", "0.3", "-c", "while True: pass");
    assert_int_equal(viv.status, 124);
    assert_non_null(strstr(viv.err_text, "viv: time limit reached (cooperative, "));
}

static void test_dead_worker_is_reported_with_its_signal(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "-c", "import ctypes; ctypes.string_at(0)");
    expect(&viv, 139, "", "viv: worker died: killed by signal 11 (SIGSEGV)\n");
}

static void test_request_that_is_refused_is_wrong_usage(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--memory", "100G", "-c", "1");
    assert_int_equal(viv.status, 2);
    assert_non_null(strstr(viv.err_text, "ceiling"));
}

static void test_dropped_output_is_said(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--output", "10", "-c", "print('x' * 100)");
    expect(&viv, 0, "xxxxxxxxxx", "viv: output past the limit was dropped\n");
}

static void test_reader_that_has_had_enough_ends_it(void **state)
{
    struct viv viv;

    start(
        &viv, NULL,
        (const char *const[]){"run", "--id", "pipe", "-c", "while True: print('x' * 1000)", NULL});
    read_output(&viv, "x");
    close(viv.out);
    viv.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    finish(&viv);
    assert_int_equal(viv.status, 1000 + SIGPIPE);
}

/* ---- Ctrl-C ---- */

static void test_first_interrupt_cancels_and_shows_the_cleanup(void **state)
{
    struct viv viv;

    start(&viv, NULL,
          (const char *const[]){"run", "-c",
                                "try:\n    print('in', flush=True)\n    while True: pass\n"
                                "finally:\n    print('cleaned')",
                                NULL});
    read_output(&viv, "in\n");
    kill(viv.pid, SIGINT);
    finish(&viv);
    assert_int_equal(viv.status, 130);
    assert_string_equal(viv.out_text, "in\ncleaned\n");
    assert_non_null(strstr(viv.err_text, "Cancelled: interrupted at the terminal"));
    assert_non_null(strstr(viv.err_text, "viv: cancelled (cooperative, "));
}

static void test_second_interrupt_kills(void **state)
{
    struct viv viv;

    start(&viv, NULL,
          (const char *const[]){"run", "--grace", "30", "-c",
                                "print('in', flush=True)\nn = 0\nwhile True:\n    try:\n"
                                "        while True: pass\n"
                                "    except BaseException:\n"
                                "        n += 1\n"
                                "        if n == 1: print('no', flush=True)\n",
                                NULL});
    read_output(&viv, "in\n");
    kill(viv.pid, SIGINT);
    read_output(&viv, "no\n");
    kill(viv.pid, SIGINT);
    finish(&viv);
    assert_int_equal(viv.status, 130);
    assert_non_null(strstr(viv.err_text, "viv: cancelled (killed after "));
}

static void test_termination_cancels_too(void **state)
{
    struct viv viv;

    start(&viv, NULL,
          (const char *const[]){"run", "-c", "print('in', flush=True)\nwhile True: pass", NULL});
    read_output(&viv, "in\n");
    kill(viv.pid, SIGTERM);
    finish(&viv);
    assert_int_equal(viv.status, 143);
}

/* ---- the other commands ---- */

static void test_ps_and_cancel(void **state)
{
    struct viv running;
    struct viv viv;

    start(&running, NULL,
          (const char *const[]){"run", "--id", "job-1", "-c",
                                "print('in', flush=True)\nwhile True: pass", NULL});
    read_output(&running, "in\n");
    RUN(&viv, "ps");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "job-1"));
    assert_non_null(strstr(viv.out_text, "RUNNING"));
    RUN(&viv, "cancel", "--wait", "--reason", "tidy up", "job-1");
    assert_int_equal(viv.status, 0);
    assert_ptr_equal(strstr(viv.out_text, "cancelled (cooperative, "), viv.out_text);
    finish(&running);
    assert_int_equal(running.status, 130);
    assert_non_null(strstr(running.err_text, "viv: cancelled: tidy up (cooperative, "));
}

static void test_cancel_of_nothing(void **state)
{
    struct viv viv;

    RUN(&viv, "cancel", "nobody");
    assert_int_equal(viv.status, 1);
    assert_non_null(strstr(viv.err_text, "no execution nobody"));
}

static void test_ps_of_nothing_prints_nothing(void **state)
{
    struct viv viv;

    RUN(&viv, "ps", "--tenant", "empty");
    expect(&viv, 0, "", "");
}

static void test_describe(void **state)
{
    struct viv viv;

    RUN(&viv, "describe", "--tenant", "red");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "CPython 3.11"));
    assert_non_null(strstr(viv.out_text, "red"));
    RUN(&viv, "describe", "--json");
    assert_non_null(strstr(viv.out_text, "\"wall_time_ns\": 30000000000"));
}

static void test_no_daemon_is_said_in_clear_words(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--target", "unix:/nowhere/v.sock", "-c", "1");
    expect(&viv, 69, "",
           "viv: no vivariumd at unix:/nowhere/v.sock: No such file or directory\n"
           "viv: start one with: vivariumd --listen unix:/nowhere/v.sock\n");
}

static void test_wrong_flag_is_one_line(void **state)
{
    struct viv viv;

    RUN(&viv, "run", "--frob");
    expect(&viv, 2, "", "viv: run: no option --frob\n");
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

    return cmocka_run_group_tests(tests, set_up, e2e_tear_down);
}
