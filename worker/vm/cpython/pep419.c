#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/pep419.h"

#include <Python.h>
#include <internal/pycore_frame.h>

#include "worker/vm/cpython/cancel_tasks.h"
#include "worker/vm/cpython/cleanup_map.h"
#include "worker/vm/cpython/pep419_hook.h"

/* A frame object that owns its frame has ended; where it ended means nothing.
 * One that a hook is being told of has left, though it has not moved on yet. */
static int count_of(PyFrameObject *frame)
{
    struct _PyInterpreterFrame *f = frame->f_frame;
    if (!f || f->owner == FRAME_OWNED_BY_FRAME_OBJECT || viv_pep419_hook_is_leaving(f))
        return 0;
    return viv_cleanup_map_at(viv_cleanup_map_get(f->f_code), _PyInterpreterFrame_LASTI(f)).count;
}

static PyObject *get_f_in_cleanup(PyObject *frame, void *closure)
{
    return PyLong_FromLong(count_of((PyFrameObject *)frame));
}

static PyGetSetDef f_in_cleanup = {
    "f_in_cleanup", get_f_in_cleanup, NULL,
    "How many nested cleanups (finally bodies, entering and leaving of with "
    "statements)\nthis frame is running.",
    NULL};

/* The frame of what wraps a generator (types.coroutine does), if it has one. */
static PyObject *frame_attribute(PyObject *object)
{
    static const char *const names[] = {"gi_frame", "cr_frame", "ag_frame"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        PyObject *frame = PyObject_GetAttrString(object, names[i]);
        if (frame)
            return frame;
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
    }
    return PyErr_Format(PyExc_TypeError, "a frame or generator is required, not %.200s",
                        Py_TYPE(object)->tp_name);
}

static PyObject *isframeincleanup(PyObject *self, PyObject *object)
{
    bool enters;
    if (PyFrame_Check(object))
        return PyLong_FromLong(count_of((PyFrameObject *)object));
    int count = viv_cancel_generator_count(object, &enters);
    if (count >= 0)
        return PyLong_FromLong(count);
    PyObject *frame = frame_attribute(object);
    if (!frame)
        return NULL;
    count = PyFrame_Check(frame) ? count_of((PyFrameObject *)frame) : 0;
    Py_DECREF(frame);
    return PyLong_FromLong(count);
}

static PyObject *getcleanupframe(PyObject *self, PyObject *object)
{
    if (!PyFrame_Check(object))
        return PyErr_Format(PyExc_TypeError, "a frame is required, not %.200s",
                            Py_TYPE(object)->tp_name);
    PyFrameObject *frame = (PyFrameObject *)Py_NewRef(object);
    while (frame && count_of(frame) == 0) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    if (frame)
        return (PyObject *)frame;
    Py_RETURN_NONE;
}

static PyMethodDef inspect_defs[] = {
    {"isframeincleanup", isframeincleanup, METH_O,
     "The f_in_cleanup of a frame, or of the frame of a generator, coroutine "
     "or\nasynchronous generator, suspended or not."},
    {"getcleanupframe", getcleanupframe, METH_O,
     "The innermost frame in cleanup, from the given one outwards, or None."},
};

static PyMethodDef setcleanuphook_def = {
    "setcleanuphook", viv_pep419_set_hook, METH_O,
    "setcleanuphook(callback) -> previous callback or None\n\n"
    "Call callback(frame) each time a frame of this thread leaves a cleanup. "
    "None: no more.\nA callback that raises is removed."};

static int add_frame_attribute(void)
{
    PyObject *descriptor = PyDescr_NewGetSet(&PyFrame_Type, &f_in_cleanup);
    int status = descriptor ? PyDict_SetItemString(PyFrame_Type.tp_dict, "f_in_cleanup", descriptor)
                            : -1;
    Py_XDECREF(descriptor);
    PyType_Modified(&PyFrame_Type);
    return status;
}

static int add_function(PyObject *module, PyMethodDef *def)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyObject *function = name ? PyCFunction_NewEx(def, NULL, name) : NULL;
    int status = function ? PyModule_AddObjectRef(module, def->ml_name, function) : -1;
    Py_XDECREF(function);
    Py_XDECREF(name);
    return status;
}

int viv_pep419_setup(void)
{
    viv_pep419_hook_setup();
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *inspect = PyImport_ImportModule("inspect");
    int status = -1;
    if (sys && inspect && add_frame_attribute() == 0 &&
        add_function(sys, &setcleanuphook_def) == 0 && add_function(inspect, &inspect_defs[0]) == 0)
        status = add_function(inspect, &inspect_defs[1]);
    Py_XDECREF(sys);
    Py_XDECREF(inspect);
    return status;
}
