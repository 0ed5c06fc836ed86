/* The analysis on small programs whose answer can be read off the source: a
 * call of mark(n) in them stands where the count must be n. */
#include <Python.h>
#include <opcode.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "worker/vm/cpython/cleanup_map.h"

static PyCodeObject *compile_module(const char *source)
{
    PyObject *code = Py_CompileString(source, "<test>", Py_file_input);
    if (!code)
        PyErr_Print();
    assert_non_null(code);
    return (PyCodeObject *)code;
}

/* The first function that a module defines; borrowed. */
static PyCodeObject *function(PyCodeObject *module)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(module->co_consts); i++) {
        PyObject *constant = PyTuple_GET_ITEM(module->co_consts, i);
        if (PyCode_Check(constant))
            return (PyCodeObject *)constant;
    }
    fail_msg("no function");
    return NULL;
}

static const unsigned char *bytecode(PyCodeObject *code)
{
    PyObject *bytes = PyCode_GetCode(code);
    assert_non_null(bytes);
    static unsigned char kept[1 << 12];
    assert_true(PyBytes_GET_SIZE(bytes) <= (Py_ssize_t)sizeof(kept));
    memcpy(kept, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return kept;
}

/* Every constant number n that is loaded asks for the count n - 100. */
static int check_marks(PyCodeObject *code)
{
    const struct viv_cleanup_map *map = viv_cleanup_map_get(code);
    const unsigned char *units = bytecode(code);
    int marks = 0;
    assert_non_null(map);
    assert_false(map->capped);
    for (int i = 0; i < map->units; i++) {
        if (units[2 * i] != LOAD_CONST)
            continue;
        PyObject *c = PyTuple_GET_ITEM(code->co_consts, units[2 * i + 1]);
        if (!PyLong_Check(c) || PyLong_AsLong(c) < 100)
            continue;
        assert_int_equal(viv_cleanup_map_at(map, i).count, PyLong_AsLong(c) - 100);
        marks++;
    }
    return marks;
}

static void test_counts(void **state)
{
    static const struct {
        int marks; /* copies included */
        const char *source;
    } cases[] = {
        {1, "def f():\n  m(100)\n"},
        {4, "def f():\n  try: m(100)\n  finally: m(101)\n  m(100)\n"},
        {4, "def f():\n  try:\n    return m(100)\n  finally:\n    m(101)\n"
            "    m(101)\n"
            "  m(100)\n"},
        {8, "def f():\n  for i in x:\n    try:\n      if a: break\n"
            "      if b: continue\n      m(100)\n    finally:\n"
            "      m(101)\n  m(100)\n  m(100)\n  m(100)\n"},
        {3, "def f():\n  try:\n    m(100)\n  except E:\n    m(100)\n"
            "  except:\n    m(100)\n"},
        {5, "def f():\n  try:\n    m(100)\n  finally:\n    try:\n"
            "      m(101)\n    except E:\n      m(101)\n"},
        {1, "def f():\n  with a:\n    m(100)\n"},
        {4, "def f():\n  try: pass\n  finally:\n    with a:\n"
            "      m(101)\n    m(101)\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        PyCodeObject *module = compile_module(cases[i].source);
        int marks = check_marks(function(module));
        if (marks < cases[i].marks)
            fail_msg("case %zu: %d marks seen", i, marks);
        Py_DECREF(module);
    }
}

static int find_op(PyCodeObject *code, int op, int nth)
{
    const unsigned char *units = bytecode(code);
    for (int i = 0; i < Py_SIZE(code); i++)
        if (units[2 * i] == op && nth-- == 0)
            return i;
    fail_msg("no such instruction: %d", op);
    return -1;
}

static struct viv_cleanup_at at_op(PyCodeObject *code, int op, int nth)
{
    return viv_cleanup_map_at(viv_cleanup_map_get(code), find_op(code, op, nth));
}

static void test_acquire_then_try(void **state)
{
    (void)state;
    PyCodeObject *module = compile_module("def f(lock):\n  lock.acquire()\n"
                                          "  try:\n    g()\n"
                                          "  finally: lock.release()\n");
    PyCodeObject *f = function(module);
    assert_false(at_op(f, CALL, 0).flags & VIV_CLEANUP_GAP);
    assert_true(at_op(f, POP_TOP, 0).flags & VIV_CLEANUP_GAP);
    assert_true(at_op(f, NOP, 0).flags & VIV_CLEANUP_GAP);
    /* The first instruction of the try body is under its handler. */
    assert_false(at_op(f, LOAD_GLOBAL, 0).flags & VIV_CLEANUP_GAP);
    assert_int_equal(at_op(f, LOAD_GLOBAL, 0).count, 0);
    Py_DECREF(module);
}

static void test_with(void **state)
{
    (void)state;
    PyCodeObject *module = compile_module("def f():\n  with open(1) as x:\n    return x.y()\n");
    PyCodeObject *f = function(module);
    assert_int_equal(at_op(f, BEFORE_WITH, 0).count, 1);
    assert_int_equal(at_op(f, STORE_FAST, 0).count, 0);
    /* `return` moves its value below the exit before it calls the exit. */
    assert_true(at_op(f, SWAP, 0).flags & VIV_CLEANUP_GAP);
    assert_int_equal(at_op(f, CALL, 2).count, 1);
    assert_int_equal(at_op(f, WITH_EXCEPT_START, 0).count, 1);
    assert_true(at_op(f, PUSH_EXC_INFO, 0).flags & VIV_CLEANUP_NEVER);
    assert_true(at_op(f, POP_EXCEPT, 0).flags & VIV_CLEANUP_NEVER);
    Py_DECREF(module);
}

static void test_none_called_with_nones(void **state)
{
    (void)state;
    PyCodeObject *module = compile_module("def f():\n  None(None, None)\n");
    PyCodeObject *f = function(module);
    assert_int_equal(at_op(f, CALL, 0).count, 0);
    Py_DECREF(module);
}

static void test_whole_bodies(void **state)
{
    (void)state;
    PyCodeObject *module = compile_module("def __exit__(*a):\n  pass\n");
    assert_true(viv_cleanup_map_get(function(module))->whole);
    assert_false(viv_cleanup_map_get(module)->whole);
    Py_DECREF(module);
}

/* A generated function of as many statements as a machine might write; what it
 * costs is printed, and must not be the square. */
static void analyse(int statements)
{
    PyObject *list = PyList_New(0), *newline = PyUnicode_FromString("\n");
    PyObject *head = PyUnicode_FromString("def f():");
    PyObject *line =
        PyUnicode_FromString("  try:\n    a(b)\n  finally:\n    with c as d:\n      e(f)");
    PyList_Append(list, head);
    for (int i = 0; i < statements; i++)
        PyList_Append(list, line);
    PyObject *text = PyUnicode_Join(newline, list);
    PyCodeObject *module = compile_module(PyUnicode_AsUTF8(text));
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    const struct viv_cleanup_map *map = viv_cleanup_map_get(function(module));
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_non_null(map);
    assert_false(map->capped);
    double spent = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("# %d statements, %d units: %.2f ms\n", statements, (int)Py_SIZE(function(module)),
           spent * 1e3);
    Py_DECREF(module);
    Py_DECREF(text);
    Py_DECREF(list);
    Py_DECREF(newline);
    Py_DECREF(line);
    Py_DECREF(head);
}

static void test_huge_functions(void **state)
{
    (void)state;
    analyse(100);
    analyse(500);
    analyse(5000);
}

/* Bytecode that no compiler wrote must not be read out of bounds. */
static void test_broken_tables(void **state)
{
    (void)state;
    PyRun_SimpleString("import random, types\n"
                       "def g(l):\n"
                       "  with l as m:\n"
                       "    try: l()\n"
                       "    finally: l.x()\n"
                       "r = random.Random(7)\n"
                       "broken = []\n"
                       "for i in range(3000):\n"
                       "  parts = dict(co_code=g.__code__.co_code,\n"
                       "    co_exceptiontable=g.__code__.co_exceptiontable,\n"
                       "    co_linetable=g.__code__.co_linetable)\n"
                       "  for name in r.sample(sorted(parts), r.randrange(1, 4)):\n"
                       "    b = bytearray(parts[name])\n"
                       "    for _ in range(r.randrange(1, 5)):\n"
                       "      b[r.randrange(len(b))] = r.randrange(256)\n"
                       "    cut = r.choice((0, 0, 2, 4))\n"
                       "    parts[name] = bytes(b[:len(b) - cut])\n"
                       "  broken.append(g.__code__.replace(**parts))\n");
    PyObject *broken = PyObject_GetAttrString(PyImport_AddModule("__main__"), "broken");
    assert_non_null(broken);
    int capped = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(broken); i++) {
        PyCodeObject *code = (PyCodeObject *)PyList_GET_ITEM(broken, i);
        const struct viv_cleanup_map *map = viv_cleanup_map_get(code);
        assert_non_null(map);
        capped += map->capped;
    }
    assert_true(capped > 0 && capped < PyList_GET_SIZE(broken));
    printf("%zd broken code objects, %d refused\n", PyList_GET_SIZE(broken), capped);
    Py_DECREF(broken);
    PyRun_SimpleString("del broken"); /* and with each its map */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),        cmocka_unit_test(test_acquire_then_try),
        cmocka_unit_test(test_with),          cmocka_unit_test(test_none_called_with_nones),
        cmocka_unit_test(test_whole_bodies),  cmocka_unit_test(test_huge_functions),
        cmocka_unit_test(test_broken_tables),
    };
    Py_Initialize();
    if (viv_cleanup_map_setup() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
