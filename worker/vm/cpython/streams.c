#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/streams.h"

#include <stdio.h>

#include "worker/vm/cpython/live.h"

static const char *const names[] = {"stdout", "stderr"};

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

int viv_streams_setup(void)
{
    streams[0] = new_stdout();
    streams[1] = Py_XNewRef(PySys_GetObject("stderr"));
    if (!streams[0] || !streams[1] || set_text(streams[0], "mode", "w") < 0 ||
        set_text(raw_stdout, "name", "<stdout>") < 0)
        return -1;
    return PySys_SetObject("stdout", streams[0]) < 0 ? -1
                                                     : PySys_SetObject("__stdout__", streams[0]);
}

static void flush(PyObject *stream)
{
    PyObject *done = stream ? PyObject_CallMethod(stream, "flush", NULL) : NULL;

    PyErr_Clear();
    Py_XDECREF(done);
}

void viv_streams_flush(void)
{
    for (int i = 0; i < 2; i++) {
        PyObject *stream = Py_XNewRef(PySys_GetObject(names[i]));

        if (stream != streams[i])
            flush(stream);
        Py_XDECREF(stream);
        flush(streams[i]);
    }
    flush(raw_stdout);
    fflush(NULL);
}
