/* viv profile, trace and top against a real daemon. The live ones run on a
 * terminal of the test's own. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

/* ---- profile and trace ---- */

static char *in_folder(char path[200], const char *name)
{
    snprintf(path, 200, "%s/%s", e2e.daemon.folder, name);
    return path;
}

static void read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    unlink(path);
}

#define BURN                                 \
    "import time\n"                          \
    "def burn():\n"                          \
    "    end = time.process_time() + 0.3\n"  \
    "    while time.process_time() < end:\n" \
    "        sum(range(100))\n"              \
    "burn()\n'done'"

static void test_profile_writes_two_files(void **state)
{
    char base[200], path[200], text[65536];
    struct viv viv;

    VIV_RUN(&viv, "profile", "-o", in_folder(base, "p"), "-c", BURN);
    assert_int_equal(viv.status, 0);
    assert_string_equal(viv.out_text, "'done'\n");
    assert_non_null(strstr(viv.err_text, "SELF"));
    assert_non_null(strstr(viv.err_text, "burn (<string>:"));
    assert_non_null(strstr(viv.err_text, "/p.svg, "));
    read_file(in_folder(path, "p.svg"), text, sizeof(text));
    assert_non_null(strstr(text, "<title>burn in &lt;string&gt;, "));
    read_file(in_folder(path, "p.collapsed"), text, sizeof(text));
    assert_non_null(strstr(text, "<module> (<string>:6);burn (<string>:"));
}

static void test_profile_as_json(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "profile", "--json", "--interval", "0.002", "-c", BURN);
    assert_int_equal(viv.status, 0);
    assert_string_equal(viv.err_text, "");
    assert_non_null(strstr(viv.out_text, "\"profile\": {\"interval_ns\": 2000000, "));
    assert_non_null(strstr(viv.out_text, "\"function\": \"burn\""));
}

static void test_profile_of_what_was_cut_short(void **state)
{
    char base[200], path[200];
    struct viv viv;

    VIV_RUN(&viv, "profile", "--timeout", "0.5", "-o", in_folder(base, "q"), "-c",
            "def spin():\n    while True: pass\nspin()");
    assert_int_equal(viv.status, 124);
    assert_non_null(strstr(viv.err_text, "spin (<string>:2)"));
    assert_int_equal(unlink(in_folder(path, "q.svg")) | unlink(in_folder(path, "q.collapsed")), 0);
}

static void test_killed_run_has_no_profile(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "profile", "-c", "import ctypes; ctypes.string_at(0)");
    assert_int_equal(viv.status, 139);
    assert_non_null(strstr(viv.err_text, "viv: no profile came back\n"));
}

static void test_interval_out_of_bounds_is_refused(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "profile", "--interval", "2", "-c", "1");
    assert_int_equal(viv.status, 2);
    assert_non_null(strstr(viv.err_text, "profile.interval"));
}

static void test_trace_goes_to_stderr_or_a_file(void **state)
{
    static const char *const wanted = "<string>:1           <module>          x = 1\n"
                                      "<string>:2           <module>          print(x)\n";
    char path[200], text[1000];
    struct viv viv;

    VIV_RUN(&viv, "trace", "-c", "x = 1\nprint(x)");
    viv_expect(&viv, 0, "1\n", wanted);
    VIV_RUN(&viv, "trace", "-o", in_folder(path, "t"), "-c", "x = 1\nprint(x)");
    viv_expect(&viv, 0, "1\n", "");
    read_file(path, text, sizeof(text));
    assert_string_equal(text, wanted);
}

static void test_trace_is_cut_and_goes_into_json(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "trace", "--lines", "1", "-c", "x = 1\nx = 2\nx = 3");
    viv_expect(&viv, 0, "", "<string>:1           <module>          x = 1\n... and 2 more lines\n");
    VIV_RUN(&viv, "trace", "--json", "-c", "x = 1\nx = 2");
    assert_non_null(strstr(viv.out_text, "\"lines\": [0, 1], \"dropped\": 0}"));
}

static void test_session_is_profiled_too(void **state)
{
    char base[200], path[200];
    struct viv viv;

    VIV_RUN(&viv, "session", "open", "--id", "prof");
    VIV_RUN(&viv, "run", "--session", "prof", "-c", "import time\ndef nap(): time.sleep(0.2)");
    VIV_RUN(&viv, "profile", "--session", "prof", "-o", in_folder(base, "s"), "-c", "nap()");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.err_text, "nap (<string>:2)"));
    unlink(in_folder(path, "s.svg"));
    unlink(in_folder(path, "s.collapsed"));
    VIV_RUN(&viv, "session", "close", "prof");
}

/* ---- top ---- */

static void test_top_once(void **state)
{
    struct viv job, viv;

    viv_start(&job, NULL,
              (const char *const[]){"run", "--id", "seen", "-c",
                                    "import time\nprint('on', flush=True)\ntime.sleep(60)", NULL});
    viv_read(&job, "on");
    VIV_RUN(&viv, "top", "--once");
    assert_int_equal(viv.status, 0);
    assert_non_null(strstr(viv.out_text, "Vivarium "));
    assert_non_null(strstr(viv.out_text, "seen                     RUNNING "));
    assert_null(strchr(viv.out_text, '\033'));
    VIV_RUN(&viv, "top", "--json");
    assert_non_null(strstr(viv.out_text, "\"execution_id\": \"seen\""));
    assert_non_null(strstr(viv.out_text, "\"sessions\": ["));
    assert_non_null(strstr(viv.out_text, "\"supervisor\": {"));
    VIV_RUN(&viv, "cancel", "--wait", "seen");
    viv_finish(&job);
}

/* viv on a terminal; its screen as it was written. */
static pid_t start_on_terminal(const char *const *words, int *ret_fd)
{
    char *argv[16] = {(char *)daemon_program("client/viv/viv")};
    const struct winsize size = {.ws_row = 24, .ws_col = 80};
    pid_t pid;

    for (int i = 0; words[i]; i++)
        argv[i + 1] = (char *)words[i];
    pid = forkpty(ret_fd, NULL, NULL, &size);
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        execv(argv[0], argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* Reads until it has shown `until`, or to its end where that is NULL. */
static void read_terminal(int fd, char *text, size_t size, const char *until)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t used = strlen(text);
    ssize_t got;

    while (!(until && strstr(text, until))) {
        assert_int_equal(poll(&readable, 1, 60000), 1);
        got = read(fd, text + used, size - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
        text[used] = '\0';
    }
    assert_true(!until || strstr(text, until));
}

static int end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void end_top_by(const char *key)
{
    char text[65536] = "";
    int fd;
    pid_t pid = start_on_terminal((const char *const[]){"top", NULL}, &fd);

    read_terminal(fd, text, sizeof(text), "EXECUTION");
    assert_int_equal(write(fd, key, 1), 1);
    read_terminal(fd, text, sizeof(text), NULL);
    assert_int_equal(end_of(pid), 0);
    close(fd);
    assert_memory_equal(text, "\033[?1049h", 8);
    assert_non_null(strstr(text, "\033[1mVivarium"));
    assert_string_equal(text + strlen(text) - 8, "\033[?1049l");
}

static void test_top_ends_by_q_and_by_ctrl_c(void **state)
{
    end_top_by("q");
    end_top_by("\003");
}

/* ---- the spinner ---- */

static void test_spinner_is_for_terminals_and_leaves_nothing(void **state)
{
    static const char *const words[] = {
        "run", "-c", "import time\nprint('begin')\ntime.sleep(2.5)\nprint('end')", NULL};
    char text[65536] = "";
    struct viv viv;
    const char *last;
    int fd;
    pid_t pid = start_on_terminal(words, &fd);

    read_terminal(fd, text, sizeof(text), "running ");
    read_terminal(fd, text, sizeof(text), NULL);
    assert_int_equal(end_of(pid), 0);
    close(fd);
    assert_memory_equal(text, "begin\r\n", 7);
    last = strstr(text, "end\r\n");
    assert_non_null(last);
    assert_memory_equal(last - 4, "\r\033[K", 4);
    assert_string_equal(last, "end\r\n");
    viv_run(&viv, NULL, words);
    viv_expect(&viv, 0, "begin\nend\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_writes_two_files),
        cmocka_unit_test(test_profile_as_json),
        cmocka_unit_test(test_profile_of_what_was_cut_short),
        cmocka_unit_test(test_killed_run_has_no_profile),
        cmocka_unit_test(test_interval_out_of_bounds_is_refused),
        cmocka_unit_test(test_trace_goes_to_stderr_or_a_file),
        cmocka_unit_test(test_trace_is_cut_and_goes_into_json),
        cmocka_unit_test(test_session_is_profiled_too),
        cmocka_unit_test(test_top_once),
        cmocka_unit_test(test_top_ends_by_q_and_by_ctrl_c),
        cmocka_unit_test(test_spinner_is_for_terminals_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, viv_set_up, e2e_tear_down);
}
