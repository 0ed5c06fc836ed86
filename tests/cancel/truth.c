/* Runs truth.py with the C analysis as its module `cleanup_map`. */
#include <Python.h>
#include <stdio.h>

#include "worker/vm/cpython/cleanup_map.h"

/* (counts, flags) as two bytes objects, one byte for each code unit. */
static PyObject *analyse(PyObject *self, PyObject *code)
{
    if (!PyCode_Check(code))
        return PyErr_Format(PyExc_TypeError, "not a code object");
    const struct viv_cleanup_map *map = viv_cleanup_map_get((PyCodeObject *)code);
    if (!map)
        return PyErr_NoMemory();
    Py_ssize_t n = Py_SIZE(code);
    PyObject *counts = PyBytes_FromStringAndSize(NULL, n);
    PyObject *flags = PyBytes_FromStringAndSize(NULL, n);
    for (int i = 0; counts && flags && i < n; i++) {
        struct viv_cleanup_at at = viv_cleanup_map_at(map, i);
        PyBytes_AS_STRING(counts)[i] = (char)at.count;
        PyBytes_AS_STRING(flags)[i] = (char)at.flags;
    }
    return Py_BuildValue("NNO", counts, flags, map->capped ? Py_True : Py_False);
}

static PyMethodDef methods[] = {{"analyse", analyse, METH_O, NULL}, {0}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "cleanup_map", NULL, -1, methods, NULL, NULL, NULL, NULL};

static PyObject *init_module(void)
{
    return viv_cleanup_map_setup() == 0 ? PyModule_Create(&module) : NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: truth truth.py [argument ...]\n");
        return 2;
    }
    PyImport_AppendInittab("cleanup_map", init_module);
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, "/usr/bin/python3.11");
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
    return Py_RunMain();
}
