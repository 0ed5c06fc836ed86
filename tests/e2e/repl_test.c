/* viv repl, typed at through a pseudo-terminal, and fed with scripts. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/viv.h"

#define CTRL_A "\x01"
#define CTRL_C "\x03"
#define CTRL_D "\x04"
#define CTRL_K "\x0b"
#define UP "\x1b[A"

/* A viv at a terminal of its own. */
static struct {
    pid_t pid;
    int terminal;
    char seen[65536]; /* all that it wrote */
    size_t len;
    size_t passed; /* of that, up to the last text that was waited for */
} repl;

static void start(const char *const *words)
{
    struct winsize size = {.ws_row = 40, .ws_col = 200};
    char *argv[8] = {(char *)daemon_program("client/viv/viv"), "repl"};

    for (int i = 0; words[i]; i++)
        argv[i + 2] = (char *)words[i];
    memset(&repl, 0, sizeof(repl));
    repl.pid = forkpty(&repl.terminal, NULL, NULL, &size);
    if (repl.pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", "1", 1);
        setenv("HOME", e2e.daemon.folder, 1); /* nobody's .editrc */
        execv(argv[0], argv);
        _exit(127);
    }
    assert_true(repl.pid > 0);
}

#define START(...) start((const char *const[]){__VA_ARGS__, NULL})

/* False at the end: the terminal's other side is closed. */
static bool read_some(void)
{
    struct pollfd ready = {.fd = repl.terminal, .events = POLLIN};
    size_t end = repl.len;
    ssize_t got;

    if (poll(&ready, 1, 60000) <= 0)
        fail_msg("nothing more behind \"%s\", in all \"%s\"", repl.seen + repl.passed, repl.seen);
    got = read(repl.terminal, repl.seen + repl.len, sizeof(repl.seen) - 1 - repl.len);
    /* a terminal takes NUL for nothing, and libedit fills time with it */
    for (ssize_t i = 0; i < got; i++)
        if (repl.seen[repl.len + (size_t)i])
            repl.seen[end++] = repl.seen[repl.len + (size_t)i];
    if (got > 0) {
        memset(repl.seen + end, 0, repl.len + (size_t)got - end);
        repl.len = end;
    }
    return got > 0;
}

/* Behind what was waited for last. */
static void await(const char *text)
{
    char *found;

    while (!(found = strstr(repl.seen + repl.passed, text)))
        if (!read_some())
            fail_msg("it ended without \"%s\": \"%s\"", text, repl.seen + repl.passed);
    repl.passed = (size_t)(found + strlen(text) - repl.seen);
}

static void type(const char *text)
{
    assert_int_equal(write(repl.terminal, text, strlen(text)), strlen(text));
}

/* Types a line at the prompt, which must be there first: what is typed before it
 * may be lost with Ctrl-C. */
static void enter(const char *text)
{
    await(">>> ");
    type(text);
}

static void expect_end(int wanted)
{
    int status;

    while (read_some())
        ;
    close(repl.terminal);
    assert_int_equal(waitpid(repl.pid, &status, 0), repl.pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != wanted)
        fail_msg("status %d behind \"%s\"", WEXITSTATUS(status), repl.seen);
}

static size_t count_sessions(void)
{
    struct viv_client_sessions_reply *reply;
    size_t count;

    assert_int_equal(viv_client_session_list(e2e.client, 0, &reply, NULL), 0);
    count = reply->count;
    viv_client_sessions_reply_free(reply);
    return count;
}

/* ---- at a terminal ---- */

static void test_values_blocks_and_the_end(void **state)
{
    START(NULL);
    await("CPython 3.11");
    enter("6 * 7\r");
    await("\n42\r\n");
    enter("def f(n):\r");
    await("... ");
    type("\treturn [n,\r");
    await("... ");
    type("2]\r");
    await("... ");
    type("\r");
    enter("f(1)\r");
    await("\n[1, 2]\r\n");
    enter("print('no line end', end='')\r");
    await("\nno line end\r\n");
    assert_int_equal(count_sessions(), 1);
    enter(CTRL_D);
    expect_end(0);
    assert_int_equal(count_sessions(), 0);
}

static void test_traceback_shows_the_line_and_names_live_on(void **state)
{
    START(NULL);
    enter("x = 5\r");
    enter("def g(): return 1/0\r");
    await("... ");
    type("\r");
    enter("g()\r");
    await("File \"<input-3>\", line 1, in <module>");
    await("File \"<input-2>\", line 1, in g");
    await("def g(): return 1/0");
    await("ZeroDivisionError: division by zero\r\n");
    enter("x\r");
    await("\n5\r\n");
    enter("exit()\r");
    expect_end(0);
}

static void test_interrupt_cancels_and_keeps_the_variables(void **state)
{
    START(NULL);
    enter("x = 1\r");
    enter("while True: x += 1; print('in', flush=True) if x == 2 else None\r");
    await("... ");
    type("\r");
    await("\nin\r\n");
    type(CTRL_C);
    await("vivarium.Cancelled: interrupted at the terminal\r\n");
    await("viv: cancelled (cooperative, ");
    await("; the variables are kept\r\n");
    enter("x > 1\r");
    await("\nTrue\r\n");
    enter(CTRL_D);
    expect_end(0);
}

static void test_second_interrupt_kills_and_the_snapshot_comes_back(void **state)
{
    START("--grace", "30");
    enter("import threading; lock = threading.Lock(); x = 7\r");
    enter("while True:\r");
    await("... ");
    type(" try:\r");
    await("... ");
    type("  print('in', flush=True)\r");
    await("... ");
    type("  while True: pass\r");
    await("... ");
    type(" except BaseException: x = 8\r");
    await("... ");
    type("\r");
    await("\nin\r\n");
    type(CTRL_C);
    await("\nin\r\n");
    type(CTRL_C);
    await("viv: cancelled (killed after ");
    await("; the session goes on from its last snapshot\r\n");
    enter("x\r");
    await("\n7\r\n");
    await("was restored from a snapshot ");
    await(" old: its worker was killed\r\n");
    await("viv: not restored: lock (_thread.lock): ");
    enter(CTRL_D);
    expect_end(0);
}

static void test_interrupt_at_the_prompt_drops_what_was_typed(void **state)
{
    START(NULL);
    enter("def f():\r");
    await("... ");
    type("  garbage(" CTRL_C);
    await("KeyboardInterrupt\r\n");
    enter("'f' in globals()\r");
    await("\nFalse\r\n");
    enter(CTRL_D);
    expect_end(0);
}

static void test_line_is_edited_and_remembered(void **state)
{
    START(NULL);
    enter("garbage" CTRL_A CTRL_K "'caf\u00e9'.upper()\r");
    await("\n'CAF\u00c9'\r\n");
    enter(UP "\r");
    await("\n'CAF\u00c9'\r\n");
    enter(CTRL_D);
    expect_end(0);
    START(NULL);
    enter(UP "\r");
    await("\n'CAF\u00c9'\r\n");
    enter(CTRL_D);
    expect_end(0);
}

/* Somebody runs something. */
static void wait_until_busy(void)
{
    struct viv_client_list_reply *list;
    size_t count = 0;

    while (!count) {
        usleep(5000);
        assert_int_equal(viv_client_list(e2e.client, 0, &list, NULL), 0);
        count = list->count;
        viv_client_list_reply_free(list);
    }
}

static void test_tab_completes_names_and_leaves_nothing(void **state)
{
    START(NULL);
    enter("import math; answer_one = 1; answer_two = 41; class_ = 1\r");
    enter("math.factor\t(3)\r");
    await("\n6\r\n");
    enter("answ\t");
    await("er_"); /* as it is drawn */
    type("\t");
    await("\nanswer_one  answer_two\r\n");
    await("answer_");
    type("tw\t + 1\r");
    await("\n42\r\n");
    enter("impor\t json\r");
    enter("nothing.like.\tit\r");
    await("NameError: name 'nothing'");
    enter("if 1:\r");
    await("... ");
    type("\tprint(len('abc'))\r\r");
    await("\n3\r\n");
    /* Whoever is asked for names may print, fail, hang and say what is none. */
    enter("class Odd:\r");
    await("... ");
    type("    def __dir__(self): return ['\\x1b]0;bad', 'fi ne', 'good']\r");
    await("... ");
    type("    @property\r");
    await("... ");
    type("    def hangs(self):\r");
    await("... ");
    type("        while True: pass\r\r");
    enter("odd = Odd()\r");
    enter("odd.\t = 7\r");
    enter("odd.hangs.\t");
    wait_until_busy();
    type(CTRL_C);
    await("KeyboardInterrupt\r\n");
    enter("vars(odd)\r");
    await("\n{'good': 7}\r\n");
    enter("sorted(n for n in globals() if n[0] != '_')\r");
    await("\n['Odd', 'answer_one', 'answer_two', 'class_', 'json', 'math', 'odd']\r\n");
    enter("%wh\t\r");
    await("NAME");
    enter(CTRL_D);
    expect_end(0);
}

static void test_commands(void **state)
{
    char line[160];

    START(NULL);
    enter("n = 3; s = 'text'\r");
    enter("%whos\r");
    await("NAME");
    await("n     int          7 B  3\r\n");
    await("\"text\"\r\n");
    snprintf(line, sizeof(line), "%%save %s/repl.scope\r", e2e.daemon.folder);
    enter(line);
    await("viv: 2 names saved\r\n");
    enter("%reset\r");
    await("viv: all names are forgotten\r\n");
    enter("n\r");
    await("NameError");
    snprintf(line, sizeof(line), "%%load %s/repl.scope\r", e2e.daemon.folder);
    enter(line);
    enter("n, s\r");
    await("\n(3, 'text')\r\n");
    enter("%help\r");
    await("%whos");
    enter("%frob\r");
    await("viv: no command %frob: try %help\r\n");
    enter("%load /nowhere/x\r");
    await("viv: can't open /nowhere/x: No such file or directory\r\n");
    enter(CTRL_D);
    expect_end(0);
}

static void test_exit_status_is_the_code_s(void **state)
{
    START(NULL);
    enter("import sys; sys.exit(3)\r");
    expect_end(3);
    assert_int_equal(count_sessions(), 0);
}

static void test_session_is_kept_and_used_again(void **state)
{
    char id[64] = {0};
    const char *at;

    START("--keep");
    enter("x = 9\r");
    enter(CTRL_D);
    await("viv: session ");
    await(" stays: viv repl --session ");
    expect_end(0);
    at = repl.seen + repl.passed;
    memcpy(id, at, strspn(at, "0123456789abcdef"));
    assert_int_equal(count_sessions(), 1);
    START("--session", id);
    enter("x\r");
    await("\n9\r\n");
    enter(CTRL_D);
    expect_end(0);
    assert_int_equal(count_sessions(), 1);
    assert_int_equal(viv_client_session_close(e2e.client, id, 0, NULL), 0);
}

static void test_session_that_goes_away_ends_it(void **state)
{
    struct viv viv;

    VIV_RUN(&viv, "session", "open", "--id", "gone");
    START("--session", "gone");
    enter("1\r");
    await("\n1\r\n");
    assert_int_equal(viv_client_session_close(e2e.client, "gone", 0, NULL), 0);
    enter("1\r");
    await("gone");
    expect_end(1);
}

static void test_termination_closes_the_session(void **state)
{
    START(NULL);
    await(">>> ");
    kill(repl.pid, SIGTERM);
    expect_end(143);
    assert_int_equal(count_sessions(), 0);
}

static void test_dead_worker_is_told_and_it_goes_on(void **state)
{
    START(NULL);
    enter("x = 4\r");
    enter("import ctypes; ctypes.string_at(0)\r");
    await("viv: worker died: killed by signal 11 (SIGSEGV); the session goes on from its last "
          "snapshot\r\n");
    enter("x\r");
    await("\n4\r\n");
    await(" old: its worker crashed\r\n");
    enter(CTRL_D);
    expect_end(0);
}

/* ---- scripts ---- */

static const char *const SCRIPT[] = {"repl", NULL};

static void test_script_runs_statement_by_statement(void **state)
{
    struct viv viv;

    viv_run(&viv,
            "def f(n):\n    a = n\n\n    return a\nif f(0):\n    pass\nelse:\n    print('no')\n"
            "f(6)\n%reset\n'f' in globals()\n[1,\n\n2]",
            SCRIPT);
    viv_expect(&viv, 0, "no\n6\nFalse\n[1, 2]\n", "");
    assert_int_equal(count_sessions(), 0);
}

static void test_script_ends_at_its_first_failure(void **state)
{
    struct viv viv;

    viv_run(&viv, "print(1)\n1/0\nprint(2)\n", SCRIPT);
    assert_int_equal(viv.status, 1);
    assert_string_equal(viv.out_text, "1\n");
    assert_non_null(strstr(viv.err_text, "ZeroDivisionError"));
    viv_run(&viv, "%frob\nprint(2)\n", SCRIPT);
    viv_expect(&viv, 2, "", "viv: no command %frob: try %help\n");
    viv_run(&viv, "import sys\nsys.exit(4)\nprint(2)\n", SCRIPT);
    viv_expect(&viv, 4, "", "");
    viv_run(&viv, "", SCRIPT);
    viv_expect(&viv, 0, "", "");
}

static void test_session_that_is_not_there(void **state)
{
    struct viv viv;

    viv_run(&viv, "1\n", (const char *const[]){"repl", "--session", "none", NULL});
    viv_expect(&viv, 1, "", "viv: no session none\n");
}

static char state_home[128];

static int set_up(void **state)
{
    if (viv_set_up(state))
        return -1;
    snprintf(state_home, sizeof(state_home), "%s/state", e2e.daemon.folder);
    return setenv("XDG_STATE_HOME", state_home, 1);
}

static int tear_down(void **state)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/vivarium/history", state_home);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(state_home);
    return e2e_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_blocks_and_the_end),
        cmocka_unit_test(test_traceback_shows_the_line_and_names_live_on),
        cmocka_unit_test(test_interrupt_cancels_and_keeps_the_variables),
        cmocka_unit_test(test_second_interrupt_kills_and_the_snapshot_comes_back),
        cmocka_unit_test(test_interrupt_at_the_prompt_drops_what_was_typed),
        cmocka_unit_test(test_line_is_edited_and_remembered),
        cmocka_unit_test(test_tab_completes_names_and_leaves_nothing),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_exit_status_is_the_code_s),
        cmocka_unit_test(test_session_is_kept_and_used_again),
        cmocka_unit_test(test_session_that_goes_away_ends_it),
        cmocka_unit_test(test_termination_closes_the_session),
        cmocka_unit_test(test_dead_worker_is_told_and_it_goes_on),
        cmocka_unit_test(test_script_runs_statement_by_statement),
        cmocka_unit_test(test_script_ends_at_its_first_failure),
        cmocka_unit_test(test_session_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
