#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/op.h"

#include <stdarg.h>

#include "worker/vm/cpython/scope/text.h"

void scope_op_begin(struct scope_op *op, const struct scope_caps *caps)
{
    *op = (struct scope_op){.caps = *caps, .collecting = PyGC_Disable()};
    if (op->caps.bytes == 0)
        op->caps.bytes = SCOPE_BYTES_DEFAULT;
    if (op->caps.objects == 0)
        op->caps.objects = SCOPE_OBJECTS_DEFAULT;
}

void scope_op_finish(struct scope_op *op)
{
    Py_CLEAR(op->reason);
    PyErr_Clear();
    if (op->collecting)
        PyGC_Enable();
}

static bool should_stop(struct scope_op *op)
{
    return op->caps.should_stop && op->caps.should_stop(op->caps.arg);
}

int scope_op_look(struct scope_op *op)
{
    if (op->counted > op->caps.objects)
        return scope_op_abort(op, SCOPE_TOO_MANY);
    return should_stop(op) ? scope_op_abort(op, SCOPE_STOPPED) : 0;
}

int scope_op_abort(struct scope_op *op, enum scope_end end)
{
    if (op->end == SCOPE_GOES_ON)
        op->end = end;
    return -1;
}

int scope_op_refuse(struct scope_op *op, const char *format, ...)
{
    va_list args;

    PyErr_Clear();
    Py_CLEAR(op->reason);
    va_start(args, format);
    op->reason = PyUnicode_FromFormatV(format, args);
    va_end(args);
    return op->reason ? -1 : scope_op_abort(op, SCOPE_NO_MEMORY);
}

PyObject *scope_op_take_reason(struct scope_op *op)
{
    PyObject *reason = op->reason;

    op->reason = NULL;
    if (op->end == SCOPE_GOES_ON && !reason) {
        PyObject *type, *value, *traceback;

        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(traceback);
        /* What user code raised may be the cancel. */
        if (should_stop(op))
            scope_op_abort(op, SCOPE_STOPPED);
        else
            reason = scope_text_exception(type, value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        if (should_stop(op))
            scope_op_abort(op, SCOPE_STOPPED);
        else if (!reason)
            scope_op_abort(op, SCOPE_NO_MEMORY);
    }
    PyErr_Clear();
    if (op->end != SCOPE_GOES_ON)
        Py_CLEAR(reason);
    return reason;
}

int scope_op_fail(const struct scope_op *op, struct viv_error *err)
{
    switch (op->end) {
    case SCOPE_STOPPED:
        return viv_fail(err, VIV_CANCELLED, "the scope was being carried when the execution ended");
    case SCOPE_TOO_MANY:
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "the scope has more than %llu values",
                        (unsigned long long)op->caps.objects);
    case SCOPE_TOO_LARGE:
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "the scope takes more than %zu bytes",
                        op->caps.bytes);
    default:
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "memory is out for carrying the scope");
    }
}
