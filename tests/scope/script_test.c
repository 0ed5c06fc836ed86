/* Runs a test written in Python, with the engine at hand as module `carrier`:
 *
 *     snapshot(names, *, bytes=0, objects=0, stop=None) -> (bytes, entries)
 *     restore(snapshot, names, *, bytes=0, objects=0, stop=None) -> entries
 *
 * `names` is a dict that plays the scope; entries are (name, path, type,
 * disposition, reason, bytes). Both raise RuntimeError(status, text). `stop` is
 * called as should_stop. */
#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/vivarium/v1/scope.pb-c.h"

static bool ask(void *arg)
{
    PyObject *answer, *type, *value, *traceback;
    bool stop;

    PyErr_Fetch(&type, &value, &traceback);
    answer = PyObject_CallNoArgs(arg);
    stop = answer == Py_True;
    Py_XDECREF(answer);
    PyErr_Restore(type, value, traceback);
    return stop;
}

static PyObject *raise(const struct viv_error *err)
{
    PyObject *args = Py_BuildValue("(is)", (int)err->status, err->text);

    PyErr_SetObject(PyExc_RuntimeError, args);
    Py_XDECREF(args);
    return NULL;
}

static PyObject *entries_of(struct viv_pages *manifest)
{
    Vivarium__V1__Manifest *message =
        vivarium__v1__manifest__unpack(NULL, manifest->len, manifest->data);
    PyObject *list = PyList_New(0);

    for (size_t i = 0; message && i < message->n_entries; i++) {
        const Vivarium__V1__ManifestEntry *e = message->entries[i];
        PyObject *entry = Py_BuildValue("(sssisK)", e->name, e->path, e->type, (int)e->disposition,
                                        e->reason, (unsigned long long)e->bytes);

        PyList_Append(list, entry);
        Py_XDECREF(entry);
    }
    if (message)
        vivarium__v1__manifest__free_unpacked(message, NULL);
    viv_pages_free(manifest);
    return list;
}

static void set_stop(struct scope_caps *caps, PyObject *stop)
{
    if (stop && stop != Py_None) {
        caps->should_stop = ask;
        caps->arg = stop;
    }
}

static PyObject *take_snapshot(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "bytes", "objects", "stop", NULL};
    struct viv_pages snapshot, manifest;
    struct scope_caps caps = {0};
    struct viv_error err;
    unsigned long long bytes = 0, objects = 0;
    PyObject *dict, *stop = NULL, *data;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|$KKO", names, &PyDict_Type, &dict, &bytes,
                                     &objects, &stop))
        return NULL;
    caps.bytes = bytes;
    caps.objects = objects;
    set_stop(&caps, stop);
    if (scope_snapshot(dict, &caps, &snapshot, &manifest, &err) < 0)
        return raise(&err);
    if (!embed_is_message(&snapshot))
        PyErr_SetString(PyExc_AssertionError, "no message");
    data = PyBytes_FromStringAndSize((const char *)snapshot.data, (Py_ssize_t)snapshot.len);
    viv_pages_free(&snapshot);
    if (PyErr_Occurred())
        return NULL;
    return Py_BuildValue("(NN)", data, entries_of(&manifest));
}

static PyObject *put_back(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "", "bytes", "objects", "stop", NULL};
    struct viv_pages manifest;
    struct scope_caps caps = {0};
    struct viv_error err;
    unsigned long long bytes = 0, objects = 0;
    PyObject *dict, *stop = NULL;
    Py_buffer data;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*O!|$KKO", names, &data, &PyDict_Type, &dict,
                                     &bytes, &objects, &stop))
        return NULL;
    caps.bytes = bytes;
    caps.objects = objects;
    set_stop(&caps, stop);
    rc = scope_restore(dict, data.buf, (size_t)data.len, &caps, &manifest, &err);
    PyBuffer_Release(&data);
    return rc < 0 ? raise(&err) : entries_of(&manifest);
}

static PyMethodDef methods[] = {
    {"snapshot", (PyCFunction)(void (*)(void))take_snapshot, METH_VARARGS | METH_KEYWORDS, NULL},
    {"restore", (PyCFunction)(void (*)(void))put_back, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "carrier", NULL, -1, methods, NULL, NULL, NULL, NULL};

static PyObject *init(void)
{
    return PyModule_Create(&module);
}

int main(int argc, char **argv)
{
    static char code[1 << 20];
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    bool good;

    if (!file) {
        fprintf(stderr, "usage: script_test SCRIPT [ARGUMENT]\n");
        return 2;
    }
    code[fread(code, 1, sizeof(code) - 1, file)] = '\0';
    fclose(file);
    PyImport_AppendInittab("carrier", init);
    embed_start();
    PySys_SetObject("argv", Py_BuildValue("[ss]", argv[1], argc > 2 ? argv[2] : ""));
    good = embed_run(code, argv[1]);
    embed_run("import sys; sys.stdout.flush()", "flush");
    return good ? 0 : 1;
}
