#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/failure.h"

#include <stdbool.h>

#include "worker/vm/cpython/source.h"
#include "worker/vm/cpython/text.h"
#include "worker/vm/cpython/tracebacks.h"

/* Field numbers of vivarium.v1.Error, Frame and SyntaxLocation. */
enum { TYPE = 1, MESSAGE = 2, TRACEBACK = 3, FRAMES = 4, SYNTAX = 5 };
enum { FILENAME = 1, LINE = 2, FUNCTION = 3, SOURCE = 4, END_LINE = 5, COLUMN = 6, END_COLUMN = 7 };
enum { SYNTAX_OFFSET = 3, SYNTAX_END_LINE = 4, SYNTAX_END_OFFSET = 5, SYNTAX_TEXT = 6 };

/* An exception may hold gigabytes; what is said about it may not. */
#define MESSAGE_MAX (1024u * 1024)
#define TRACEBACK_MAX (4u * 1024 * 1024)
#define SOURCE_MAX 4096

/* As many as the printer shows. */
#define FRAMES_MAX 1000

static long number_of(PyObject *object)
{
    int overflow;
    long number;

    if (!object || !PyLong_CheckExact(object))
        return 0;
    number = PyLong_AsLongAndOverflow(object, &overflow);
    return number < 0 || number > INT32_MAX ? 0 : number;
}

static PyObject *message_of(PyObject *exception)
{
    PyObject *message = PyObject_Str(exception);

    PyErr_Clear();
    return message ? message : PyUnicode_FromString("<exception str() failed>");
}

static PyObject *print(PyObject *exception)
{
    PyObject *traceback = PyException_GetTraceback(exception);
    PyObject *text = viv_tracebacks_print(exception, traceback);

    PyErr_Clear();
    Py_XDECREF(traceback);
    return text;
}

PyObject *viv_failure_fetch(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

void viv_failure_describe(PyObject *exception, struct viv_failure *ret_failure)
{
    ret_failure->exception = Py_NewRef(exception);
    /* First, as python3 does: the exception's own __str__ may change it. */
    ret_failure->traceback = print(exception);
    ret_failure->message = message_of(exception);
    PyErr_Clear();
}

/* The code ends where more was wanted: reading a file, the compiler knows no
 * column then, and python3 shows none. The one other error without an end is
 * about a line that is there. */
static bool ended_too_early(const PySyntaxErrorObject *syntax)
{
    return syntax->end_offset && PyLong_CheckExact(syntax->end_offset) &&
           Py_SIZE(syntax->end_offset) < 0 && syntax->msg && PyUnicode_CheckExact(syntax->msg) &&
           PyUnicode_CompareWithASCIIString(
               syntax->msg, "unindent does not match any outer indentation level") != 0;
}

void viv_failure_complete_syntax(void)
{
    PyObject *type, *value, *traceback, *line;
    PySyntaxErrorObject *syntax;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    syntax = (PySyntaxErrorObject *)value;
    line = syntax->filename && PyUnicode_Check(syntax->filename)
               ? viv_source_line(syntax->filename, (int)number_of(syntax->lineno))
               : NULL;
    if (line)
        Py_XSETREF(syntax->text, line);
    if (ended_too_early(syntax))
        Py_XSETREF(syntax->offset, PyLong_FromLong(0));
    PyErr_Restore(type, value, traceback);
}

void viv_failure_free(struct viv_failure *failure)
{
    Py_CLEAR(failure->exception);
    Py_CLEAR(failure->message);
    Py_CLEAR(failure->traceback);
}

/* Without indentation and line end. */
static PyObject *strip(PyObject *line)
{
    Py_ssize_t begin = 0, end = PyUnicode_GET_LENGTH(line);

    while (begin < end && Py_UNICODE_ISSPACE(PyUnicode_READ_CHAR(line, begin)))
        begin++;
    while (end > begin && Py_UNICODE_ISSPACE(PyUnicode_READ_CHAR(line, end - 1)))
        end--;
    return PyUnicode_Substring(line, begin, end);
}

static void write_source(struct viv_writer *w, PyObject *filename, int number)
{
    PyObject *line = viv_source_line(filename, number), *stripped = line ? strip(line) : NULL;

    PyErr_Clear();
    if (stripped)
        viv_text_field(w, SOURCE, stripped, SOURCE_MAX);
    Py_XDECREF(stripped);
    Py_XDECREF(line);
}

static void write_number(struct viv_writer *w, unsigned field, long number)
{
    if (number > 0)
        viv_writer_varint(w, field, (uint64_t)number);
}

static void write_frame(struct viv_writer *w, PyTracebackObject *entry)
{
    PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
    int line = -1, end_line = -1, column = -1, end_column = -1;
    size_t mark = viv_writer_used(w);

    if (!PyCode_Addr2Location(code, entry->tb_lasti, &line, &column, &end_line, &end_column))
        line = end_line = column = end_column = -1;
    viv_writer_sint(w, END_COLUMN, end_column);
    viv_writer_sint(w, COLUMN, column);
    write_number(w, END_LINE, end_line);
    write_source(w, code->co_filename, entry->tb_lineno);
    viv_text_field(w, FUNCTION, code->co_name, SOURCE_MAX);
    write_number(w, LINE, entry->tb_lineno);
    viv_text_field(w, FILENAME, code->co_filename, SOURCE_MAX);
    viv_writer_field(w, FRAMES, mark);
    Py_DECREF(code);
}

/* The innermost ones, written last to first. */
static void write_frames(struct viv_writer *w, PyObject *exception)
{
    PyTracebackObject *traceback = viv_tracebacks_of(exception), *entries[FRAMES_MAX];
    size_t count = 0, kept;

    for (PyTracebackObject *entry = traceback; entry; entry = entry->tb_next)
        entries[count++ % FRAMES_MAX] = entry;
    kept = count < FRAMES_MAX ? count : FRAMES_MAX;
    for (size_t i = 0; i < kept; i++)
        write_frame(w, entries[(count - 1 - i) % FRAMES_MAX]);
    Py_XDECREF(traceback);
}

static void write_text(struct viv_writer *w, unsigned field, PyObject *object, size_t max)
{
    if (object && PyUnicode_CheckExact(object))
        viv_text_field(w, field, object, max);
}

static void write_syntax(struct viv_writer *w, PySyntaxErrorObject *syntax)
{
    size_t mark = viv_writer_used(w);

    write_text(w, SYNTAX_TEXT, syntax->text, MESSAGE_MAX);
    write_number(w, SYNTAX_END_OFFSET, number_of(syntax->end_offset));
    write_number(w, SYNTAX_END_LINE, number_of(syntax->end_lineno));
    write_number(w, SYNTAX_OFFSET, number_of(syntax->offset));
    write_number(w, LINE, number_of(syntax->lineno));
    write_text(w, FILENAME, syntax->filename, SOURCE_MAX);
    viv_writer_field(w, SYNTAX, mark);
}

static void write_essence(struct viv_writer *w, const struct viv_failure *failure,
                          size_t message_max)
{
    PyObject *name = viv_text_type_name(Py_TYPE(failure->exception), true);

    PyErr_Clear();
    viv_text_field(w, MESSAGE, failure->message, message_max);
    viv_text_field(w, TYPE, name, SOURCE_MAX);
    Py_XDECREF(name);
}

void viv_failure_field(struct viv_writer *w, unsigned field, const struct viv_failure *failure)
{
    size_t mark = viv_writer_used(w);

    if (PyType_IsSubtype(Py_TYPE(failure->exception), (PyTypeObject *)PyExc_SyntaxError))
        write_syntax(w, (PySyntaxErrorObject *)failure->exception);
    write_frames(w, failure->exception);
    viv_text_field(w, TRACEBACK, failure->traceback, TRACEBACK_MAX);
    write_essence(w, failure, MESSAGE_MAX);
    viv_writer_field(w, field, mark);
}

void viv_failure_brief_field(struct viv_writer *w, unsigned field,
                             const struct viv_failure *failure, size_t message_max)
{
    size_t mark = viv_writer_used(w);

    write_essence(w, failure, message_max);
    viv_writer_field(w, field, mark);
}
