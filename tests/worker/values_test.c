/* Results: every kind of Value, exact. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/worker/describe.h"
#include "tests/worker/group.h"

typedef Vivarium__V1__Value Value;

/* Evaluates `code`; the run is freed by the caller. */
static const Value *result_of(const char *code, struct run *run)
{
    const struct order order = {.code = code};

    rig_execute(&rig, &order, run);
    assert_non_null(run->result);
    if (run->answer->error)
        print_error("%s", run->answer->error->traceback);
    assert_int_equal(run->result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    return run->answer->result;
}

static const struct {
    const char *code;
    const char *value; /* NULL: none */
    const char *repr;
} table[] = {
    {"", NULL, ""},
    {"# nothing", NULL, ""},
    {"None", NULL, ""},
    {"x = 5", NULL, ""},
    {"print", "opaque builtins.builtin_function_or_method: not a plain value",
     "<built-in function print>"},
    {"1 + 1", "2", "2"},
    {"x = 1; x + 1", "2", "2"},
    {"x = 1\nx + 1;  # the end\n\n", "2", "2"},
    {"(1,\n 2\n)", "(1,2,)", "(1, 2)"},
    {"from __future__ import annotations\ndef f(a: b): pass\nf.__annotations__", "{'a': 'b',}",
     "{'a': 'b'}"},
    {"if True:\n  7", NULL, ""},
    {"'doc'", "'doc'", "'doc'"},
    {"'doc'\n__doc__", "'doc'", "'doc'"},
    {"def f(): return 1\n\n@staticmethod\ndef g(): pass\nf()", "1", "1"},
    {"(y := 5)", "5", "5"},
    {"[x for x in range(3)]", "[0,1,2,]", "[0, 1, 2]"},
    {"'_' in globals()", "false", "False"},
    {"True", "true", "True"},
    {"...", "constant 2", "Ellipsis"},
    {"NotImplemented", "constant 3", "NotImplemented"},
    {"[None]", "[constant 1,]", "[None]"},
    {"2**63 - 1", "9223372036854775807", "9223372036854775807"},
    {"-2**63", "-9223372036854775808", "-9223372036854775808"},
    {"2**63", "big 00 00 00 00 00 00 00 80 00", "9223372036854775808"},
    {"-2**63 - 1", "big ff ff ff ff ff ff ff 7f ff", "-9223372036854775809"},
    {"-2**64", "big 00 00 00 00 00 00 00 00 ff", "-18446744073709551616"},
    {"0.1", "float 0.10000000000000001", "0.1"},
    {"-0.0", "float -0", "-0.0"},
    {"float('nan')", "float nan", "nan"},
    {"float('-inf')", "float -inf", "-inf"},
    {"1j - 2", "complex -2 1", "(-2+1j)"},
    {"'h\\u00e9\\U0001f600'", "'h\xc3\xa9\xf0\x9f\x98\x80'", "'h\xc3\xa9\xf0\x9f\x98\x80'"},
    {"'a\\udcffb'", "surrogates 61 ed b3 bf 62", "'a\\udcffb'"},
    {"b'abc'", "bytes 61 62 63", "b'abc'"},
    {"bytearray(3)", "bytearray 00 00 00", "bytearray(b'\\x00\\x00\\x00')"},
    {"{}", "{}", "{}"},
    {"{'b': 1, 'a': [2], 3: (4,)}", "{'b': 1,'a': [2,],3: (4,),}", "{'b': 1, 'a': [2], 3: (4,)}"},
    {"{5}", "set(5,)", "{5}"},
    {"frozenset([5])", "frozenset(5,)", "frozenset({5})"},
    {"[(), (), '', '', 1000, 1000]", "[(),(),'','',1000,1000,]", "[(), (), '', '', 1000, 1000]"},
    {"a = []; [a, a]", "graph #0=[] root=[#0,#0,]", "[[], []]"},
    {"a = []; a.append(a); a", "graph #0=[#0,] root=#0", "[[...]]"},
    {"d = {}; d['d'] = (d,); d", "graph #0={'d': (#0,),} root=#0", "{'d': ({...},)}"},
    {"b = bytearray(1); (b, b)", "graph #0=bytearray 00 root=(#0,#0,)",
     "(bytearray(b'\\x00'), bytearray(b'\\x00'))"},
    {"class C: pass\nC.__repr__ = lambda s: 'C!'\n[C()]", "[opaque __main__.C: not a plain value,]",
     "[C!]"},
    {"class D(dict): pass\nD(a=1)", "opaque __main__.D: a subclass of dict", "{'a': 1}"},
    {"class I(int): pass\n(I(3), True)", "(opaque __main__.I: a subclass of int,true,)",
     "(3, True)"},
    {"import socket; socket.socket.__name__, 1", "('socket',1,)", "('socket', 1)"},
    {"class R:\n  def __repr__(s): 1/0\nR()", "opaque __main__.R: not a plain value",
     "<unprintable R object>"},
    {"class R:\n  def __repr__(s): return 5\nR()", "opaque __main__.R: not a plain value",
     "<unprintable R object>"},
    {"class M(type):\n  __module__ = property(lambda s: 1/0)\nclass E(metaclass=M):\n  def "
     "__repr__(s): return 'e'\nE()",
     "opaque __main__.E: not a plain value", "e"},
    {"__name__, __file__, type(__builtins__).__name__", "('__main__','<execution>','module',)",
     "('__main__', '<execution>', 'module')"},
    {"import sys; sys.modules['__main__'].__dict__ is globals()", "true", "True"},
    {"import sys; sys.argv, sys.flags.isolated, sys.flags.safe_path", "(['<execution>',],1,true,)",
     "(['<execution>'], 1, True)"},
    {"import signal; signal.getsignal(signal.SIGINT) is signal.default_int_handler", "true",
     "True"},
    {"import linecache; linecache.getline('<execution>', 1)",
     "'import linecache; linecache.getline('<execution>', 1)'",
     "\"import linecache; linecache.getline('<execution>', 1)\""},
    {"a = 1\nb = 2\na, b  # both\n", "(1,2,)", "(1, 2)"},
    {"f = lambda: 1\nf(\n)", "1", "1"},
    {"x = 1\nx; 2", "2", "2"},
    {"x = 1\nx;", "1", "1"},
    {"x = 5,\n*x, 1", "(5,1,)", "(5, 1)"},
    {"'''\npass\n'''", "'\npass\n'", "'\\npass\\n'"},
    {"from __future__ import annotations\ndef f(x: y): pass\nf.__annotations__", "{'x': 'y',}",
     "{'x': 'y'}"},
    {"def f():\n  return 1\nimport inspect; inspect.getsource(f)", "'def f():\n  return 1\n'",
     "'def f():\\n  return 1\\n'"},
};

static void test_table(void **state)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct run run;
        char *text = describe(result_of(table[i].code, &run));

        if (strcmp(text, table[i].value ? table[i].value : "(none)") != 0 ||
            strcmp(run.answer->result_repr, table[i].repr) != 0)
            fail_msg("%s\n gave %s, repr %s", table[i].code, text, run.answer->result_repr);
        free(text);
        assert_string_equal(run.out, "");
        assert_string_equal(run.err, "");
        run_free(&run);
    }
}

static void test_nul_in_text(void **state)
{
    struct run run;
    const Value *value = result_of("'a\\0b'", &run);

    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_SURROGATE_TEXT);
    assert_int_equal(value->surrogate_text.len, 3);
    assert_memory_equal(value->surrogate_text.data, "a\0b", 3);
    assert_string_equal(run.answer->result_repr, "'a\\x00b'");
    run_free(&run);
}

/* Nested as deep as it gets: no reader needs a deep stack. */
static void test_deep(void **state)
{
    struct run run;
    const Value *value = result_of("a = []\nfor i in range(100000): a = [a]\na", &run);

    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_GRAPH);
    assert_int_equal(value->graph->n_objects, 100001 / 16);
    assert_string_equal(run.answer->result_repr, "<unprintable list object>");
    run_free(&run);
    value = result_of("a = []\nfor i in range(15): a = [a]\na", &run);
    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_LIST);
    run_free(&run);
    value = result_of("a = []\nfor i in range(16): a = [a]\na", &run);
    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_GRAPH);
    assert_int_equal(value->graph->n_objects, 1);
    run_free(&run);
}

/* A thousand names for one big string are one string. */
static void test_no_bomb(void **state)
{
    struct run run;
    const Value *value = result_of("s = 'x' * 100000; [s] * 1000", &run);

    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_GRAPH);
    assert_true(run.body_len < 200000);
    run_free(&run);
    value = result_of("a = [1]\nfor i in range(60): a = [a, a]\na = None; 1", &run);
    assert_int_equal(value->integer, 1);
    run_free(&run);
}

static void test_large(void **state)
{
    struct run run;
    const Value *value = result_of("list(range(300000))", &run);

    assert_int_equal(value->list->n_items, 300000);
    assert_int_equal(value->list->items[299999]->integer, 299999);
    assert_int_equal(strlen(run.answer->result_repr), 65536);
    run_free(&run);
    result_of("'a' + '\\u20ac' * 30000", &run);
    assert_int_equal(strlen(run.answer->result_repr), 65534);
    run_free(&run);
}

static void test_too_large(void **state)
{
    struct run run;
    const Value *value = result_of("bytes(64 << 20)", &run);

    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_OPAQUE);
    assert_non_null(strstr(value->opaque->reason, "larger than an answer may be"));
    assert_true(run.body_len < 70000);
    run_free(&run);
    value = result_of("bytes((64 << 20) - 70000)", &run);
    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_DATA);
    run_free(&run);
    value = result_of("1 << (16 << 23)", &run);
    assert_int_equal(value->kind_case, VIVARIUM__V1__VALUE__KIND_OPAQUE);
    run_free(&run);
}

/* What a supervisor that takes less gets. */
static void test_small_answers(void **state)
{
    static const char *const args[] = {"--answer-max", "65536", NULL};
    static const char *const errors[][2] = {{"def f(): f()\nf()", "RecursionError"},
                                            {"raise ValueError('x' * 100000)", "ValueError"}};
    struct rig small;
    struct run run;

    rig_start_with(&small, worker_path, args);
    rig_execute(&small, &(struct order){.code = "'a' * 100000"}, &run);
    assert_non_null(run.answer);
    assert_int_equal(run.answer->result->kind_case, VIVARIUM__V1__VALUE__KIND_OPAQUE);
    assert_int_equal(strlen(run.answer->result_repr), 32768);
    assert_in_range(run.body_len, 1, 65536);
    run_free(&run);
    for (size_t i = 0; i < 2; i++) {
        rig_execute(&small, &(struct order){.code = errors[i][0]}, &run);
        assert_non_null(run.answer->error);
        assert_string_equal(run.answer->error->type, errors[i][1]);
        assert_in_range(run.body_len, 1, 65536);
        run_free(&run);
    }
    rig_execute(&small, &(struct order){.code = "x = 'a' * 40000", .return_scope = true}, &run);
    assert_non_null(run.answer->scope);
    run_free(&run);
    rig_execute(&small, &(struct order){.code = "x = 'a' * 65536", .return_scope = true}, &run);
    assert_null(run.answer->scope);
    assert_non_null(run.answer->manifest);
    run_free(&run);
    rig_stop(&small);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_nul_in_text),
        cmocka_unit_test(test_deep),          cmocka_unit_test(test_no_bomb),
        cmocka_unit_test(test_large),         cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_small_answers),
    };

    group_find_worker(argc, argv);
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
