#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "worker/vm/cpython/failure.h"
#include "worker/vm/cpython/text.h"
#include "worker/vm/cpython/value.h"

/* Field numbers of vivarium.v1.ExecuteResponse. */
enum { RESULT = 3, RESULT_REPR = 4, ERROR = 9 };

#define REPR_MAX (64u * 1024)

/* More than failure.c lets the parts of one take together. */
#define ERROR_MAX (32u * 1024 * 1024)

static PyObject *unprintable(PyObject *value)
{
    PyObject *name = viv_text_type_name(Py_TYPE(value), true), *text = NULL;

    if (name)
        text = PyUnicode_FromFormat("<unprintable %U object>", name);
    Py_XDECREF(name);
    PyErr_Clear();
    return text;
}

int viv_answer_set_value(struct viv_answer *answer, PyObject *value)
{
    PyObject *repr;

    if (value == Py_None) {
        Py_DECREF(value);
        return 0;
    }
    answer->value = value;
    repr = PyObject_Repr(value);
    /* Not an Exception: a cancel or an exit, which ends the run. */
    if (!repr && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    answer->repr = repr ? repr : unprintable(value);
    return 0;
}

void viv_answer_set_error(struct viv_answer *answer, PyObject *exception)
{
    struct viv_failure failure;
    struct viv_writer w;

    viv_failure_describe(exception, &failure);
    viv_writer_init(&w, ERROR_MAX);
    viv_failure_field(&w, ERROR, &failure);
    viv_failure_free(&failure);
    viv_answer_drop(answer);
    answer->error = viv_writer_take(&w, &answer->error_len);
}

void viv_answer_drop(struct viv_answer *answer)
{
    Py_CLEAR(answer->value);
    Py_CLEAR(answer->repr);
    free(answer->error);
    answer->error = NULL;
    answer->error_len = 0;
}

static void write_answer(struct viv_writer *w, const struct viv_answer *answer, const char *instead)
{
    if (answer->error)
        viv_writer_raw(w, answer->error, answer->error_len);
    if (!answer->value)
        return;
    viv_text_field(w, RESULT_REPR, answer->repr, REPR_MAX);
    if (instead)
        viv_value_opaque(w, RESULT, answer->value, instead);
    else
        viv_value_field(w, RESULT, answer->value);
}

void viv_answer_write(const struct viv_answer *answer, size_t max, uint8_t **ret_data,
                      size_t *ret_len)
{
    struct viv_writer w;
    char why[128];
    int collecting = PyGC_Disable();

    viv_writer_init(&w, max);
    write_answer(&w, answer, NULL);
    if (w.failed) {
        snprintf(why, sizeof(why), "larger than an answer may be (%zu bytes), or than memory", max);
        viv_writer_free(&w);
        viv_writer_init(&w, max);
        write_answer(&w, answer, why);
    }
    *ret_data = viv_writer_take(&w, ret_len);
    if (collecting)
        PyGC_Enable();
}
