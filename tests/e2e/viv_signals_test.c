/* viv told to end while no code runs: it reads what doesn't come, it writes what
 * nobody reads, it asks a supervisor that is silent. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

static char fifo[128];

static int set_up(void **state)
{
    if (viv_set_up(state))
        return -1;
    snprintf(fifo, sizeof(fifo), "%s/fifo", e2e.daemon.folder);
    return mkfifo(fifo, 0600);
}

static int tear_down(void **state)
{
    unlink(fifo);
    return e2e_tear_down(state);
}

/* Ends a viv that would not end by itself, for sure. */
static void expect_killed_by(struct viv *viv, int signal)
{
    int status;
    pid_t ended = 0;

    kill(viv->pid, signal);
    for (int i = 0; i < 3000 && !ended; i++) {
        ended = waitpid(viv->pid, &status, WNOHANG);
        usleep(10000);
    }
    close(viv->out);
    close(viv->err);
    if (!ended) {
        kill(viv->pid, SIGKILL);
        waitpid(viv->pid, &status, 0);
        fail_msg("signal %d did not end it", signal);
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
        fail_msg("wait status 0x%x at signal %d", status, signal);
}

/* ---- reading ---- */

/* The pipe's other end is there, and silent. */
static void expect_end_of_reader(const char *input, const char *const *words, int signal)
{
    struct viv viv;
    int silent;

    viv_start(&viv, input, words);
    silent = open(fifo, O_WRONLY | O_CLOEXEC); /* waits until viv opens it */
    assert_true(silent >= 0);
    expect_killed_by(&viv, signal);
    close(silent);
}

static void expect_each_signal_ends_reader(const char *input, const char *const *words)
{
    expect_end_of_reader(input, words, SIGINT);
    expect_end_of_reader(input, words, SIGTERM);
    expect_end_of_reader(input, words, SIGHUP);
}

static void test_code_that_does_not_come(void **state)
{
    expect_each_signal_ends_reader(NULL, (const char *const[]){"run", fifo, NULL});
    expect_end_of_reader(NULL, (const char *const[]){"profile", fifo, NULL}, SIGINT);
}

static void test_input_that_does_not_come(void **state)
{
    expect_each_signal_ends_reader(
        NULL, (const char *const[]){"run", "-c", "print(input())", "--stdin", fifo, NULL});
}

static void test_scope_that_does_not_come(void **state)
{
    expect_each_signal_ends_reader(
        NULL, (const char *const[]){"run", "-c", "1", "--scope-in", fifo, NULL});
    expect_end_of_reader(NULL, (const char *const[]){"session", "open", "--scope-in", fifo, NULL},
                         SIGINT);
    expect_end_of_reader(NULL, (const char *const[]){"repl", "--scope-in", fifo, NULL}, SIGINT);
}

static void test_scope_that_a_script_waits_for(void **state)
{
    char script[160];

    snprintf(script, sizeof(script), "%%load %s\n", fifo);
    expect_each_signal_ends_reader(script, (const char *const[]){"repl", NULL});
}

static void test_signal_that_is_ignored_stays_so(void **state)
{
    struct viv viv;
    int writer;

    signal(SIGHUP, SIG_IGN); /* as nohup does */
    viv_start(&viv, NULL, (const char *const[]){"run", fifo, NULL});
    signal(SIGHUP, SIG_DFL);
    writer = open(fifo, O_WRONLY | O_CLOEXEC);
    kill(viv.pid, SIGHUP);
    assert_int_equal(write(writer, "6 * 7", 5), 5);
    close(writer);
    viv_finish(&viv);
    viv_expect(&viv, 0, "42\n", "");
}

/* ---- writing ---- */

/* Makes the pipe small, and waits until it is full. */
static void wait_full(const struct viv *viv)
{
    int size = fcntl(viv->out, F_SETPIPE_SZ, 4096);
    int filled = 0;

    assert_true(size > 0);
    while (filled < size) {
        usleep(1000);
        assert_int_equal(ioctl(viv->out, FIONREAD, &filled), 0);
    }
}

static void expect_end_of_writer(const char *input, const char *const *words, int signal)
{
    struct viv viv;

    viv_start(&viv, input, words);
    wait_full(&viv);
    expect_killed_by(&viv, signal);
}

static void test_output_that_nobody_reads(void **state)
{
    const char *const words[] = {"run", "--no-stream", "-c", "print('x' * 1000000)", NULL};

    expect_end_of_writer(NULL, words, SIGINT);
    expect_end_of_writer(NULL, words, SIGTERM);
}

static void test_json_that_nobody_reads(void **state)
{
    expect_end_of_writer(
        NULL, (const char *const[]){"run", "--json", "-c", "print('x' * 1000000)", NULL}, SIGINT);
}

static void test_value_of_a_script_that_nobody_reads(void **state)
{
    expect_end_of_writer("'x' * 20000\n", (const char *const[]){"repl", NULL}, SIGTERM);
}

/* ---- asking ---- */

static void test_top_that_prints_once_waits_for_a_silent_supervisor(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char target[160];
    struct viv viv;
    int silent;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/silent", e2e.daemon.folder);
    snprintf(target, sizeof(target), "unix:%s", address.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    viv_start(&viv, NULL, (const char *const[]){"top", "--once", "--target", target, NULL});
    silent = accept(listener, NULL, NULL);
    assert_true(silent >= 0);
    expect_killed_by(&viv, SIGTERM);
    close(silent);
    close(listener);
    unlink(address.sun_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_that_does_not_come),
        cmocka_unit_test(test_input_that_does_not_come),
        cmocka_unit_test(test_scope_that_does_not_come),
        cmocka_unit_test(test_scope_that_a_script_waits_for),
        cmocka_unit_test(test_signal_that_is_ignored_stays_so),
        cmocka_unit_test(test_output_that_nobody_reads),
        cmocka_unit_test(test_json_that_nobody_reads),
        cmocka_unit_test(test_value_of_a_script_that_nobody_reads),
        cmocka_unit_test(test_top_that_prints_once_waits_for_a_silent_supervisor),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
