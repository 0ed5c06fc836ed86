#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/ending.h"

#include "worker/vm/cpython/streams.h"

static PyObject *run_exit_functions; /* atexit._run_exitfuncs */

int viv_ending_setup(void)
{
    PyObject *atexit = PyImport_ImportModule("atexit");

    if (!atexit)
        return -1;
    run_exit_functions = PyObject_GetAttrString(atexit, "_run_exitfuncs");
    Py_DECREF(atexit);
    return run_exit_functions ? 0 : -1;
}

/* Threads exist only where threading was imported; it knows which to join. */
int viv_ending_join_threads(PyObject **ret_threading)
{
    PyObject *name = PyUnicode_InternFromString("threading"), *threading, *done;

    threading = name ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(name);
    *ret_threading = threading;
    if (!threading)
        return PyErr_Occurred() ? -1 : 0;
    done = PyObject_CallMethod(threading, "_shutdown", NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int viv_ending_run_exit_functions(void)
{
    PyObject *done = PyObject_CallNoArgs(run_exit_functions);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

static void print_message(PyObject *message)
{
    PyObject *stream = Py_XNewRef(PySys_GetObject("stderr"));

    if (stream && stream != Py_None) {
        PyFile_WriteObject(message, stream, Py_PRINT_RAW);
        PyErr_Clear();
        PyFile_WriteString("\n", stream);
    }
    PyErr_Clear();
    Py_XDECREF(stream);
}

int viv_ending_status(PyObject *system_exit)
{
    PyObject *code = PyObject_GetAttrString(system_exit, "code");
    int status = 1;

    PyErr_Clear();
    if (!code || code == Py_None)
        status = 0;
    else if (PyLong_Check(code))
        status = (int)PyLong_AsLong(code) & 0xff;
    else
        print_message(code);
    PyErr_Clear();
    Py_XDECREF(code);
    return status;
}
