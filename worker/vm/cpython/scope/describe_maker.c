/* Objects of the library that keep what they were made of: made anew of it. */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/scope/describe.h"

#include <internal/pycore_frame.h>

#include "worker/vm/cpython/scope/known.h"

static bool is_unstarted(PyObject *generator)
{
    return generator && (PyGen_CheckExact(generator) || PyAsyncGen_CheckExact(generator)) &&
           ((PyGenObject *)generator)->gi_frame_state == FRAME_CREATED;
}

/* What @contextmanager makes, and a function that is decorated with it holds:
 * its generator can be had again while it has not started. */
int scope_describe_context(struct scope_source *source, PyObject *object, struct scope_shape *shape)
{
    static const char *const kept[] = {"func", "args", "kwds"};
    PyObject *dict = PyObject_GenericGetDict(object, NULL), *arguments;

    /* With __doc__ and the generator; whatever else there is would be lost. */
    if (!dict || PyDict_GET_SIZE(dict) != 5 || !is_unstarted(PyDict_GetItemString(dict, "gen"))) {
        Py_XDECREF(dict);
        return scope_describe_reduced(source, object, shape);
    }
    arguments = PyTuple_New(3);
    for (Py_ssize_t i = 0; arguments && i < 3; i++) {
        PyObject *value = PyDict_GetItemString(dict, kept[i]);

        if (value)
            PyTuple_SET_ITEM(arguments, i, Py_NewRef(value));
        else
            Py_CLEAR(arguments);
    }
    Py_DECREF(dict);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, NULL);
}

/* The user's callback: a variable of the one that the library puts around it. */
static PyObject *callback_of(PyObject *reference)
{
    PyObject *around = ((PyWeakReference *)reference)->wr_callback, *names, *name, *cell = NULL;

    if (!around || !PyFunction_Check(around) || !PyFunction_GET_CLOSURE(around))
        return NULL;
    names = PyCode_GetFreevars((PyCodeObject *)PyFunction_GET_CODE(around));
    for (Py_ssize_t i = 0; names && !cell && i < PyTuple_GET_SIZE(names); i++) {
        name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CompareWithASCIIString(name, "callback") == 0)
            cell = PyTuple_GET_ITEM(PyFunction_GET_CLOSURE(around), i);
    }
    Py_XDECREF(names);
    return cell ? PyCell_GET(cell) : NULL;
}

int scope_describe_weak_method(struct scope_source *source, PyObject *object,
                               struct scope_shape *shape)
{
    PyObject *callback = callback_of(object), *method = PyObject_CallNoArgs(object), *arguments;

    if (!method)
        return -1;
    if (method == Py_None || !callback) {
        Py_DECREF(method);
        return scope_op_refuse(source->op, "the method that it refers to is gone");
    }
    arguments = PyTuple_Pack(2, method, callback);
    Py_DECREF(method);
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, NULL);
}
