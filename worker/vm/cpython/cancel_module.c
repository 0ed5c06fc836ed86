#include "worker/vm/cpython/cancel_module.h"

#include <string.h>

static PyObject *cancelled;

static PyObject *get_reason(PyObject *self, void *closure)
{
    PyObject *args = ((PyBaseExceptionObject *)self)->args;
    if (args && PyTuple_GET_SIZE(args) > 0)
        return Py_NewRef(PyTuple_GET_ITEM(args, 0));
    return PyUnicode_FromString("");
}

static PyGetSetDef getset[] = {
    {"reason", get_reason, NULL, "Why this execution is cancelled.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "This execution is cancelled; .reason says why.\n\n"
                "Raised outside of cleanup code only. Code that swallows it "
                "gets it again."},
    {Py_tp_getset, getset},
    {0},
};

/* Immutable: it is instantiated while the interpreter is in a trace function,
 * where no method of the user's may run. */
static PyType_Spec spec = {
    .name = "vivarium.Cancelled",
    .basicsize = sizeof(PyBaseExceptionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int viv_cancel_module_setup(void)
{
    PyObject *module = PyImport_AddModule("vivarium");
    if (!module)
        return -1;
    if (!cancelled)
        cancelled = PyType_FromSpecWithBases(&spec, PyExc_KeyboardInterrupt);
    if (!cancelled)
        return -1;
    return PyModule_AddObjectRef(module, "Cancelled", cancelled);
}

PyObject *viv_cancelled_new(const char *reason)
{
    PyObject *text = PyUnicode_DecodeUTF8(reason, (Py_ssize_t)strlen(reason), "replace");
    PyObject *exception = text ? PyObject_CallOneArg(cancelled, text) : NULL;
    Py_XDECREF(text);
    return exception;
}

PyObject *viv_cancelled_type(void)
{
    return cancelled;
}
