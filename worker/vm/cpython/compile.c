/* The code is parsed once, into Python's syntax tree. A trailing expression
 * statement is taken off it and compiled as an expression, the rest as a
 * module. Both keep their positions in the source, so tracebacks, carets and
 * syntax errors are those of the whole. Where its last line tells that there is
 * no such statement, no tree is made: that is half the work. */
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

static int compile_text(const char *text, size_t len, PyObject *filename, struct viv_compiled *ret)
{
    PyObject *tree;
    int rc = -1;

    if (viv_ends_in_other_statement(text, len)) {
        ret->body = parse(text, filename, 0);
        return ret->body ? 0 : -1;
    }
    tree = parse(text, filename, PyCF_ONLY_AST);
    if (tree)
        rc = compile_parts(tree, filename, ret);
    Py_XDECREF(tree);
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
