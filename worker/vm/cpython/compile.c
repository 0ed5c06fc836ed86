/* The code is parsed once, into Python's syntax tree. A trailing expression
 * statement is taken off it and compiled as an expression, the rest as a
 * module. Both keep their positions in the source, so tracebacks, carets and
 * syntax errors are those of the whole. A tree of Python objects is half the
 * work, so none is made where the last line tells that there is no such
 * statement, and where that line is one by itself, only of the line. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/compile.h"

#include <string.h>

#include "worker/vm/cpython/statement.h"

static struct {
    PyObject *compile;    /* builtins.compile, whatever user code makes of the name */
    PyObject *expression; /* ast.Expression */
    PyObject *expr;       /* ast.Expr */
} saved;

/* A code object; with PyCF_ONLY_AST the tree. */
static PyObject *parse(const char *code, PyObject *filename, int flags)
{
    /* The code is UTF-8 by contract, whatever a coding comment says. */
    PyCompilerFlags all = {.cf_flags = flags | PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE,
                           .cf_feature_version = PY_MINOR_VERSION};

    return Py_CompileStringObject(code, filename, Py_file_input, &all, -1);
}

int viv_compile_setup(void)
{
    PyObject *builtins = PyImport_ImportModule("builtins"), *ast = PyImport_ImportModule("_ast");
    PyObject *filename = PyUnicode_FromString("<setup>"), *tree = NULL;
    int rc = -1;

    if (!builtins || !ast || !filename)
        goto out;
    saved.compile = PyObject_GetAttrString(builtins, "compile");
    saved.expression = PyObject_GetAttrString(ast, "Expression");
    saved.expr = PyObject_GetAttrString(ast, "Expr");
    tree = parse("0", filename, PyCF_ONLY_AST);
    if (saved.compile && saved.expression && saved.expr && tree)
        rc = 0;
out:
    Py_XDECREF(tree);
    Py_XDECREF(filename);
    Py_XDECREF(ast);
    Py_XDECREF(builtins);
    return rc;
}

/* compile(tree, filename, mode, flags, dont_inherit=True) */
static PyObject *compile_tree(PyObject *tree, PyObject *filename, const char *mode, int flags)
{
    return PyObject_CallFunction(saved.compile, "OOsii", tree, filename, mode, flags, 1);
}

/* Takes a trailing expression statement off the tree's body: a new
 * ast.Expression, or NULL, perhaps with an exception. */
static PyObject *split_value(PyObject *tree)
{
    PyObject *body = PyObject_GetAttrString(tree, "body"), *value, *expression = NULL;
    Py_ssize_t last;

    if (!body)
        return NULL;
    last = PyList_Size(body) - 1;
    if (last >= 0 && Py_TYPE(PyList_GET_ITEM(body, last)) == (PyTypeObject *)saved.expr) {
        value = PyObject_GetAttrString(PyList_GET_ITEM(body, last), "value");
        if (value)
            expression = PyObject_CallOneArg(saved.expression, value);
        Py_XDECREF(value);
        if (expression && PyList_SetSlice(body, last, last + 1, NULL) < 0)
            Py_CLEAR(expression);
    }
    Py_DECREF(body);
    return expression;
}

/* What the module's `from __future__` imports mean for the expression. */
static int future_flags(PyObject *code)
{
    return ((PyCodeObject *)code)->co_flags & PyCF_MASK;
}

static int compile_parts(PyObject *tree, PyObject *filename, struct viv_compiled *ret)
{
    PyObject *expression = split_value(tree);
    struct viv_compiled parts = {0};

    if (PyErr_Occurred())
        return -1;
    parts.body = compile_tree(tree, filename, "exec", 0);
    if (parts.body && expression)
        parts.value = compile_tree(expression, filename, "eval", future_flags(parts.body));
    Py_XDECREF(expression);
    if (PyErr_Occurred()) {
        viv_compile_free(&parts);
        return -1;
    }
    *ret = parts;
    return 0;
}

static int compile_tree_of(const char *text, PyObject *filename, struct viv_compiled *ret)
{
    PyObject *tree = parse(text, filename, PyCF_ONLY_AST);
    int rc = tree ? compile_parts(tree, filename, ret) : -1;

    Py_XDECREF(tree);
    return rc;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return count;
}

/* The tree of what begins at `at`, its lines numbered as in the whole. */
static PyObject *parse_from(const char *text, size_t at, PyObject *filename)
{
    size_t lines = count_lines(text, at), len = strlen(text + at);
    char *rest = PyMem_RawMalloc(lines + len + 1);
    PyObject *tree;

    if (!rest)
        return PyErr_NoMemory();
    memset(rest, '\n', lines);
    memcpy(rest + lines, text + at, len + 1);
    tree = parse(rest, filename, PyCF_ONLY_AST);
    PyMem_RawFree(rest);
    return tree;
}

/* An ast.Expression of what begins at `at`, if that is one expression statement.
 * NULL: it is something else, or no program; there is no exception then. */
static PyObject *cut_value(const char *text, size_t at, PyObject *filename)
{
    PyObject *tree = parse_from(text, at, filename);
    PyObject *value = tree ? split_value(tree) : NULL;
    PyObject *others = value ? PyObject_GetAttrString(tree, "body") : NULL;

    if (others && PyList_Size(others) > 0)
        Py_CLEAR(value);
    PyErr_Clear();
    Py_XDECREF(others);
    Py_XDECREF(tree);
    return value;
}

/* Not where the compiler, behind the parser, says what is wrong: it would say again
 * what it warned of. The exception stays. */
static bool is_no_program(const char *text, PyObject *filename)
{
    PyObject *type, *value, *traceback, *tree;

    PyErr_Fetch(&type, &value, &traceback);
    tree = parse(text, filename, PyCF_ONLY_AST);
    PyErr_Restore(type, value, traceback);
    Py_XDECREF(tree);
    return !tree;
}

/* The text before `at` without a tree. */
static int compile_cut(char *text, size_t at, PyObject *filename, PyObject *expression,
                       struct viv_compiled *ret)
{
    struct viv_compiled parts = {0};
    char first = text[at];
    bool torn;

    text[at] = '\0';
    parts.body = parse(text, filename, 0);
    torn = !parts.body && is_no_program(text, filename);
    text[at] = first;
    if (torn) { /* which the whole may be, or it is wrong in another way */
        PyErr_Clear();
        return compile_tree_of(text, filename, ret);
    }
    if (parts.body)
        parts.value = compile_tree(expression, filename, "eval", future_flags(parts.body));
    if (!parts.value) {
        viv_compile_free(&parts);
        return -1;
    }
    *ret = parts;
    return 0;
}

static int compile_text(char *text, size_t len, PyObject *filename, struct viv_compiled *ret)
{
    PyObject *expression = NULL;
    size_t at;
    int rc;

    if (viv_ends_in_other_statement(text, len)) {
        ret->body = parse(text, filename, 0);
        return ret->body ? 0 : -1;
    }
    if (viv_find_cut(text, len, &at))
        expression = cut_value(text, at, filename);
    if (!expression)
        return compile_tree_of(text, filename, ret);
    rc = compile_cut(text, at, filename, expression, ret);
    Py_DECREF(expression);
    return rc;
}

int viv_compile(const char *code, size_t len, PyObject *filename, struct viv_compiled *ret_compiled)
{
    struct viv_compiled compiled = {0};
    char *text;
    int rc;

    if (memchr(code, '\0', len)) {
        PyErr_SetString(PyExc_ValueError, "source code string cannot contain null bytes");
        return -1;
    }
    text = PyMem_RawMalloc(len + 1);
    if (!text) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(text, code, len);
    text[len] = '\0';
    rc = compile_text(text, len, filename, &compiled);
    PyMem_RawFree(text);
    if (rc == 0)
        *ret_compiled = compiled;
    return rc;
}

void viv_compile_free(struct viv_compiled *compiled)
{
    Py_CLEAR(compiled->body);
    Py_CLEAR(compiled->value);
}
