#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/streams.h"

#include <stdio.h>

static const char *const names[] = {"stdout", "stderr"};

/* As the interpreter made them, whatever user code puts in their place. */
static PyObject *streams[2];

static int set_line_buffering(PyObject *stream)
{
    PyObject *reconfigure = PyObject_GetAttrString(stream, "reconfigure"), *done = NULL;
    PyObject *none = PyTuple_New(0), *how = Py_BuildValue("{sO}", "line_buffering", Py_True);

    if (reconfigure && none && how)
        done = PyObject_Call(reconfigure, none, how);
    Py_XDECREF(reconfigure);
    Py_XDECREF(none);
    Py_XDECREF(how);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int viv_streams_setup(void)
{
    for (int i = 0; i < 2; i++) {
        PyObject *stream = PySys_GetObject(names[i]);

        if (!stream || set_line_buffering(stream) < 0)
            return -1;
        streams[i] = Py_NewRef(stream);
    }
    return 0;
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
    fflush(NULL);
}
