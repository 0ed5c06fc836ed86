/* Tracebacks: byte for byte what /usr/bin/python3.11 prints for the same file,
 * and the same again as structured frames. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tests/worker/group.h"

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): long programs go over lines. */
static const char *const programs[] = {
    "1/0",
    "x = 1\nx / 0 + 1\n",
    "def f(a):\n    return g(a) + 1\ndef g(a):\n    return a['b']['c'] + (1 +\n        2)\nf({'b': "
    "{}})\n",
    "def f(a):\n    return (a +\n        1 /\n        0)\nf(1)",
    "\tx = 1",
    "x = (",
    "x = (1,\n\n",
    "if True:\n",
    "if True:\nx = 1\n",
    "if True:\nx",
    "x = 1\n\nf(x,\n",
    "x is 1\nif x:\nx",
    "x = 1\n\n\nx / 0",
    "x = 1\n\nf(**x, *x)",
    "if True:\n    x = 1\n  y = 2\n",
    "def f():\n\tx = 1\n        y = 2\n",
    "return 5",
    "x = 1\nyield x",
    "await f()",
    "def f():\n    x = 1\n    global x\n",
    "f() = 1",
    "print 'x'",
    "'unterminated",
    "'''unterminated\n\n",
    "x = 08",
    "x = 1 +\n",
    "a b",
    "f(a=1, 2)",
    "s = '\xe2\x82\xac\xe2\x82\xac'; s.foo\n",
    "x = '\\N{foo}'",
    "from __future__ import braces\n",
    "x = 1\nfrom __future__ import annotations\n",
    "def f(x, x): pass",
    "try:\n    pass\n",
    "for i in range(3):\n    break\nelse:\n    pass\ncontinue\n",
    "class A:\n    return 1\n",
    "def f():\n    nonlocal y\n",
    "import nosuchmodule",
    "import json\njson.loads('{')",
    "undefined_name",
    "import sys\nsys.foo_bar",
    "def f(): f()\nf()",
    "def f(n):\n    if n: f(n - 1)\n    else: 1/0\nf(20)",
    "import sys\nsys.setrecursionlimit(5000)\ndef f(n):\n    if n: g(n - 1)\n    else: 1/0\n"
    "def g(n):\n    if n: f(n - 1)\n    else: 1/0\nf(3000)",
    "try:\n    1/0\nexcept ZeroDivisionError:\n    int('x')\n",
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e\n",
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from None\n",
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from "
    "e.with_traceback(None)\n",
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n    e.__traceback__ = None\n    int('x')\n",
    "e = ValueError(1)\ne.__traceback__ = None\nraise ExceptionGroup('eg', [e])",
    "class E(Exception):\n    def __str__(self):\n        self.__traceback__ = None\n"
    "        return 'x'\nraise E",
    "import sys\nsys.tracebacklimit = 1200\nsys.setrecursionlimit(5000)\ndef f(n):\n"
    "    if n: g(n - 1)\n    else: 1/0\ndef g(n):\n    if n: f(n - 1)\n    else: 1/0\nf(1100)",
    "e = ValueError('a\\nb')\ne.add_note('note 1')\ne.add_note('note\\n2')\nraise e",
    "e = ValueError()\ne.__notes__ = 5\nraise e",
    "def f():\n    raise TypeError(2)\nes = []\nfor g in (f, f):\n    try: g()\n    except "
    "Exception as e: es.append(e)\nraise ExceptionGroup('eg', es + [ExceptionGroup('in', "
    "[ValueError(1)])])",
    "try:\n    raise ExceptionGroup('eg', [ValueError(1), TypeError(2)])\nexcept* ValueError as "
    "e:\n    raise KeyError(3)",
    "class E(Exception):\n    def __str__(self): 1/0\nraise E",
    "class E(Exception):\n    def __str__(self): return 5\nraise E",
    "class E(Exception):\n    __module__ = 'some.where'\nraise E('x')",
    "class E(Exception):\n    __module__ = 5\nraise E('x')",
    "class Outer:\n    class E(Exception): pass\nraise Outer.E",
    "raise KeyboardInterrupt",
    "raise BaseException('x')",
    "raise OSError(2, 'No', 'file')",
    "raise KeyError('k')",
    "raise 5",
    "raise UnicodeDecodeError('utf-8', b'a', 0, 1, 'why')",
    "raise ValueError('\\udcff \\0 \xe2\x82\xac')",
    "assert 1 == 2, 'message'",
    "raise SyntaxError('own')",
    "raise SyntaxError('own', ('other.py', 3, 2, 'some text\\n'))",
    "raise SyntaxError('own', (__file__, 1, 2, 'text', 1, 4))",
    "exec('x = (')",
    "exec('def f():\\n 1/0\\nf()')",
    "eval('1 +')",
    "compile('x = 1\\n  y = 2', 'c.py', 'exec')",
    "import ast\nast.literal_eval('[1')",
    "lambda: (yield)\n[i for i in 5]",
    "f'{1/0}'",
    "with open('/nonexistent') as f:\n    pass",
    "# -*- coding: utf-8 -*-\ns = '\xe2\x82\xac'\ns.x",
    "# comment\n# vim: set fileencoding=utf-8 :\n1/0",
    "\r\nx = 1\r\n1/0\r\n",
    "x = 1\x0c\nx.y  # \xe2\x80\xa8 odd separators\n1\n",
    "s = '''\xe2\x80\xa8 \x1c'''\n1/0",
    "@dec\ndef f(): pass",
    "def f():\n    try:\n        1/0\n    finally:\n        del zz\nf()",
    "def gen():\n    yield 1\n    raise ValueError('in gen')\nlist(gen())",
    "import asyncio\nasync def f():\n    1/0\nasyncio.run(f())",
    "class A:\n    def __del__(self): pass\n    x = undefined\n",
    "x = {\n  'a': 1,\n  'b': 1/0,\n}",
    "(lambda: 1/0)()",
    "'%d' % 'x'",
    "import traceback\ntry:\n    1/0\nexcept Exception:\n    s = traceback.format_exc()\nraise "
    "Exception(s)",
    "import sys\nsys.tracebacklimit = 1\ndef f(): 1/0\ndef g(): f()\ng()",
    "x = 5; x.y",
    "    \n\n1/0 # trailing",
    "1/0\\\n  + 1",
    "x = [1,2,3]\nx[10:20][5]\n",
    "1 .real.foo",
    "import traceback\ne = None\nfor i in range(3):\n    try:\n        raise ValueError(i) from e\n"
    "    except ValueError as new:\n        e = new\n        e.add_note(traceback.format_exc())\n"
    "raise e",
    "import traceback\ntry:\n    1/0\nexcept Exception as e:\n    "
    "e.add_note(traceback.format_exc())\n"
    "    raise ExceptionGroup('eg', [e, e])",
};

/* What these print, they print themselves. */
static const char *const threads[] = {
    "import threading\ndef f():\n    try:\n        1/0\n    except ZeroDivisionError:\n"
    "        [][1 +\n           2]\n"
    "threading.Thread(target=f, name='one').start()\n",
    "import threading\ndef f():\n    raise SystemExit(1)\n"
    "t = threading.Thread(target=f)\nt.start()\nt.join()\n"
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n"
    "    threading.excepthook(threading.ExceptHookArgs((type(e), e, e.__traceback__, t)))\n"
    "    threading.excepthook(threading.ExceptHookArgs((ValueError, None, None, t)))\n"
    "try:\n    threading.excepthook((ValueError, None, None, t))\nexcept TypeError as e:\n"
    "    print(e)\n"
    "try:\n    threading.excepthook(1)\nexcept TypeError as e:\n    import sys\n"
    "    print(e, threading.excepthook, threading.excepthook is threading.__excepthook__,\n"
    "          threading.excepthook.__module__, threading.excepthook.__doc__, file=sys.stderr)\n",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

#define FOLDER_MAX 64

static char folder[] = "/tmp/tracebacks-XXXXXX";
static char script[FOLDER_MAX];

static void write_script(const char *code)
{
    FILE *file = fopen(script, "w");

    assert_non_null(file);
    fputs(code, file);
    fclose(file);
}

/* The one difference that the contract makes: U+0000 as an escape. */
static char *escape_nuls(char *text, size_t len)
{
    char *escaped = calloc(4, len + 1), *at = escaped;

    for (size_t i = 0; i < len; i++)
        at += text[i] ? sprintf(at, "%c", text[i]) : sprintf(at, "\\x00");
    free(text);
    return escaped;
}

/* What python3.11 writes to stderr. The caller frees it. */
static char *run_python(void)
{
    int ends[2];
    size_t len = 0;
    char *text = calloc(1, 1 << 20);
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        execl("/usr/bin/python3.11", "python3.11", "-I", "-X", "utf8", script, NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((n = read(ends[0], text + len, (1 << 20) - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return escape_nuls(text, len);
}

static int compare(const char *code, bool by_itself)
{
    const struct order order = {.code = code, .filename = script};
    char *expected;
    const char *printed = "(none)\n";
    struct run run;
    int rc = 0;

    write_script(code);
    expected = run_python();
    rig_execute(&rig, &order, &run);
    if (by_itself)
        printed = run.err;
    else if (run.result && run.answer->error)
        printed = run.answer->error->traceback;
    if (strcmp(printed, expected) != 0) {
        print_error("--- program\n%s\n--- python3.11\n%s--- worker\n%s", code, expected, printed);
        rc = 1;
    }
    run_free(&run);
    free(expected);
    return rc;
}

static void test_programs(void **state)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        wrong += compare(programs[i], false);
    assert_int_equal(wrong, 0);
}

static void test_threads(void **state)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
        wrong += compare(threads[i], true);
    assert_int_equal(wrong, 0);
}

/* The name that has no file has lines all the same. */
static void test_default_name(void **state)
{
    const struct order order = {.code = "def f():\n    1/0\nf()"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->traceback,
                        "Traceback (most recent call last):\n"
                        "  File \"<execution>\", line 3, in <module>\n"
                        "    f()\n"
                        "  File \"<execution>\", line 2, in f\n"
                        "    1/0\n"
                        "    ~^~\n"
                        "ZeroDivisionError: division by zero\n");
    run_free(&run);
}

/* Nor does a file matter that has the code's name by chance. */
static void test_another_file_of_that_name(void **state)
{
    const struct order order = {.code = "open('own.py', 'w').write('no\\n' * 5)\n"
                                        "raise ExceptionGroup('eg', [ValueError(1)])",
                                .filename = "own.py"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->traceback,
                        "  + Exception Group Traceback (most recent call last):\n"
                        "  |   File \"own.py\", line 2, in <module>\n"
                        "  |     raise ExceptionGroup('eg', [ValueError(1)])\n"
                        "  | ExceptionGroup: eg (1 sub-exception)\n"
                        "  +-+---------------- 1 ----------------\n"
                        "    | ValueError: 1\n"
                        "    +------------------------------------\n");
    run_free(&run);
}

static void test_frames(void **state)
{
    const struct order order = {.code = "import json\ndef f(x):\n    return 1 + json.loads(x)\n"
                                        "f('{')"};
    Vivarium__V1__Error *error;
    struct run run;

    rig_execute(&rig, &order, &run);
    error = run.answer->error;
    assert_string_equal(error->type, "json.decoder.JSONDecodeError");
    assert_string_equal(error->message, "Expecting property name enclosed in double quotes: "
                                        "line 1 column 2 (char 1)");
    assert_int_equal(error->n_frames, 5);
    assert_string_equal(error->frames[0]->function, "<module>");
    assert_int_equal(error->frames[0]->line, 4);
    assert_string_equal(error->frames[1]->filename, "<execution>");
    assert_string_equal(error->frames[1]->function, "f");
    assert_string_equal(error->frames[1]->source, "return 1 + json.loads(x)");
    assert_int_equal(error->frames[1]->line, 3);
    assert_int_equal(error->frames[1]->column, 15);
    assert_int_equal(error->frames[1]->end_column, 28);
    assert_string_equal(error->frames[2]->filename, "/usr/lib/python3.11/json/__init__.py");
    assert_string_equal(error->frames[2]->source, "return _default_decoder.decode(s)");
    run_free(&run);
}

static void test_syntax_location(void **state)
{
    const struct order order = {.code = "x = 1\ny = 5 5\n"};
    Vivarium__V1__SyntaxLocation *syntax;
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->type, "SyntaxError");
    assert_int_equal(run.answer->error->n_frames, 0);
    syntax = run.answer->error->syntax;
    assert_string_equal(syntax->filename, "<execution>");
    assert_int_equal(syntax->line, 2);
    assert_int_equal(syntax->offset, 7);
    assert_int_equal(syntax->end_line, 2);
    assert_int_equal(syntax->end_offset, 8);
    assert_string_equal(syntax->text, "y = 5 5\n");
    run_free(&run);
}

static void test_nul_in_code(void **state)
{
    const struct order order = {.code = "x = 1\n\0y", .code_len = 8};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->type, "ValueError");
    assert_string_equal(run.answer->error->message, "source code string cannot contain null bytes");
    run_free(&run);
}

/* Here python3.11.2 is wrong: reading a file, it takes bytes for characters and
 * puts the caret two places further right. Later versions don't. */
static void test_caret_behind_non_ascii(void **state)
{
    const struct order order = {.code = "\xc3\xa9\xc3\xa9 = $"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->traceback, "  File \"<execution>\", line 1\n"
                                                      "    \xc3\xa9\xc3\xa9 = $\n"
                                                      "         ^\n"
                                                      "SyntaxError: invalid syntax\n");
    run_free(&run);
}

/* Whatever is compiled again is not warned of again, nor what failed before it. */
static void test_warnings_come_once(void **state)
{
    static const char *const codes[] = {"x is 1\nreturn 5\nx", "1if True else 2\nif x:\nx",
                                        "x = 1\nx is 1\nx / 0", "x = 1\nx is 1"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct order order = {.code = codes[i]};
        const char *warning;
        struct run run;

        rig_execute(&rig, &order, &run);
        warning = strstr(run.err, "SyntaxWarning");
        if (!warning || strstr(warning + 1, "SyntaxWarning"))
            fail_msg("%s\n%s", codes[i], run.err);
        run_free(&run);
    }
}

/* What is wrong with the texts of an exception must not be wrong with ours. */
static void test_surrogates(void **state)
{
    const struct order order = {.code = "class E(Exception): pass\nE.__qualname__ = 'E\\udc80'\n"
                                        "raise E('\\udcff')"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->error->type, "E\\udc80");
    assert_string_equal(run.answer->error->message, "\\udcff");
    run_free(&run);
}

static void test_huge_message(void **state)
{
    const struct order order = {.code = "raise ValueError('x' * (50 << 20))"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_int_equal(strlen(run.answer->error->message), 1 << 20);
    assert_int_equal(strlen(run.answer->error->traceback), 4 << 20);
    run_free(&run);
}

static void run_cell(struct worker *worker, int number, const char *code, struct run *ret_run)
{
    char name[32];
    const struct order order = {.code = code, .filename = name, .keep = true};

    snprintf(name, sizeof(name), "<cell %d>", number);
    rig_run(worker, &order, ret_run);
    assert_non_null(ret_run->result);
}

/* A long session doesn't gather the texts of all that it ran. Those of the last
 * executions are there, and what the code itself has put there. */
static void test_texts_of_a_session(void **state)
{
    static const char own[] = "import linecache\n"
                              "own = linecache.cache['<cell 0>'] = 0, None, [], ''";
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    for (int i = 0; i < 200; i++) {
        run_cell(&worker, i, i == 0 ? own : "def f():\n    g()\n", &run);
        run_free(&run);
    }
    run_cell(&worker, 200,
             "names = [name for name in linecache.cache if name.startswith('<cell')]\n"
             "len(names) < 100, '<cell 190>' in names, linecache.cache['<cell 0>'] is own",
             &run);
    assert_string_equal(run.answer->result_repr, "(True, True, True)");
    run_free(&run);
    run_cell(&worker, 201, "f()", &run);
    assert_non_null(strstr(run.answer->error->traceback, "File \"<cell 199>\", line 2, in f\n"
                                                         "    g()\n"));
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

/* While one thread's exception is printed, another sees the code's name as it is,
 * and its hash. */
static void test_the_name_stays_what_it_is(void **state)
{
    static const char watch[] = "import threading, time\n"
                                "seen = set()\n"
                                "class E(Exception):\n"
                                "    def __str__(self): time.sleep(0.1); return 'slow'\n"
                                "def f(): raise E\n"
                                "def look():\n"
                                "    while True:\n"
                                "        name = f.__code__.co_filename\n"
                                "        seen.add(name[0])\n"
                                "        if name[0] != '<': hash(name)\n"
                                "        time.sleep(0.001)\n"
                                "threading.Thread(target=look, daemon=True).start()\n";
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    run_cell(&worker, 1, watch, &run);
    run_free(&run);
    run_cell(&worker, 2, "f()", &run);
    assert_non_null(strstr(run.answer->error->traceback, "in f\n    def f(): raise E\n"));
    run_free(&run);
    run_cell(&worker, 3, "seen, f.__code__.co_filename in {'<cell 1>'}", &run);
    assert_string_equal(run.answer->result_repr, "({'<'}, True)");
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

static int start(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(script, sizeof(script), "%s/program.py", folder);
    rig_start(&rig, worker_path, NULL);
    return rig.ready.type == VIV_ZYGOTE_READY ? 0 : -1;
}

static int stop(void **state)
{
    rig_stop(&rig);
    unlink(script);
    rmdir(folder);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_default_name),
        cmocka_unit_test(test_another_file_of_that_name),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_syntax_location),
        cmocka_unit_test(test_nul_in_code),
        cmocka_unit_test(test_surrogates),
        cmocka_unit_test(test_huge_message),
        cmocka_unit_test(test_caret_behind_non_ascii),
        cmocka_unit_test(test_texts_of_a_session),
        cmocka_unit_test(test_the_name_stays_what_it_is),
        cmocka_unit_test(test_warnings_come_once),
    };

    group_find_worker(argc, argv);
    return cmocka_run_group_tests(tests, start, stop);
}
