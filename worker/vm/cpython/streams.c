#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/streams.h"

#include <stdbool.h>
#include <stdio.h>

#include "worker/vm/cpython/live.h"

static struct {
    PyObject *sys; /* sys.__dict__ */
    PyObject *names[2], *flush;
} saved;

/* As they are before user code puts anything in their place. */
static PyObject *streams[2];
static PyObject *raw_stdout; /* below the first; a script may take the two apart */

/* sys.stdout as `python3 -u` builds it, over a stream that gathers. stderr is
 * line-buffered as everywhere, so that a crash loses nothing of it. */
static PyObject *new_stdout(void)
{
    PyObject *io = PyImport_ImportModule("_io"), *stream = NULL;
    PyObject *type = io ? PyObject_GetAttrString(io, "TextIOWrapper") : NULL;

    raw_stdout = viv_live_new();
    /* (buffer, encoding, errors, newline, line_buffering, write_through) */
    if (type && raw_stdout)
        stream = PyObject_CallFunction(type, "OsssOO", raw_stdout, "utf-8", "surrogateescape", "\n",
                                       Py_False, Py_True);
    Py_XDECREF(type);
    Py_XDECREF(io);
    return stream;
}

static int set_text(PyObject *object, const char *attribute, const char *text)
{
    PyObject *value = PyUnicode_FromString(text);
    int rc = value ? PyObject_SetAttrString(object, attribute, value) : -1;

    Py_XDECREF(value);
    return rc;
}

static int save(void)
{
    PyObject *sys = PyImport_ImportModule("sys");

    if (!sys)
        return -1;
    saved.sys = Py_NewRef(PyModule_GetDict(sys));
    Py_DECREF(sys);
    saved.names[0] = PyUnicode_InternFromString("stdout");
    saved.names[1] = PyUnicode_InternFromString("stderr");
    saved.flush = PyUnicode_InternFromString("flush");
    return saved.names[0] && saved.names[1] && saved.flush ? 0 : -1;
}

int viv_streams_setup(void)
{
    if (save() < 0)
        return -1;
    streams[0] = new_stdout();
    streams[1] = Py_XNewRef(PySys_GetObject("stderr"));
    if (!streams[0] || !streams[1] || set_text(streams[0], "mode", "w") < 0 ||
        set_text(raw_stdout, "name", "<stdout>") < 0)
        return -1;
    return PySys_SetObject("stdout", streams[0]) < 0 ? -1
                                                     : PySys_SetObject("__stdout__", streams[0]);
}

static bool flush(PyObject *stream)
{
    PyObject *done = stream ? PyObject_CallMethodNoArgs(stream, saved.flush) : NULL;
    bool raised = PyErr_Occurred();

    PyErr_Clear();
    Py_XDECREF(done);
    return !raised;
}

bool viv_streams_flush(void)
{
    bool flushed = true;

    for (int i = 0; i < 2; i++) {
        PyObject *stream = PyDict_GetItemWithError(saved.sys, saved.names[i]);

        if (stream != streams[i]) {
            Py_XINCREF(stream);
            flushed &= flush(stream);
            Py_XDECREF(stream);
        }
        flushed &= flush(streams[i]);
    }
    flushed &= viv_live_flush(raw_stdout);
    fflush(NULL);
    return flushed;
}
