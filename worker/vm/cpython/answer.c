#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void viv_answer_clear(struct viv_answer *answer)
{
    free(answer->data);
    answer->data = NULL;
    answer->len = 0;
}

static size_t put_varint(uint8_t *at, uint64_t value)
{
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        at[len++] = (uint8_t)(value | 0x80);
    at[len++] = (uint8_t)value;
    return len;
}

bool viv_answer_join(struct viv_answer *answer, const void *message, size_t len)
{
    uint8_t *data;

    if (len > answer->max - answer->len)
        return false;
    data = len > 0 ? realloc(answer->data, answer->len + len) : NULL;
    if (!data)
        return len == 0;
    memcpy(data + answer->len, message, len);
    answer->data = data;
    answer->len += len;
    return true;
}

bool viv_answer_begin(struct viv_answer *answer, unsigned field, size_t len)
{
    size_t head_len, room = answer->max - answer->len;
    uint8_t head[16];

    head_len = put_varint(head, field << 3 | 2);
    head_len += put_varint(head + head_len, len);
    return head_len <= room && len <= room - head_len && viv_answer_join(answer, head, head_len);
}

bool viv_answer_add(struct viv_answer *answer, unsigned field, const void *message, size_t len)
{
    return viv_answer_begin(answer, field, len) && viv_answer_join(answer, message, len);
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool write_value(struct viv_writer *w, PyObject *value, PyObject *repr, size_t repr_max,
                        const char *instead)
{
    viv_text_field(w, RESULT_REPR, repr, repr_max);
    if (instead)
        viv_value_opaque(w, RESULT, value, instead);
    else
        viv_value_field(w, RESULT, value);
    return !w->failed;
}

/* With the collector off: its finalizers would be user code. */
static void serialize(struct viv_answer *answer, PyObject *value, PyObject *repr)
{
    struct viv_writer w;
    char why[128];
    int collecting = PyGC_Disable();

    viv_writer_init(&w, answer->max);
    if (!write_value(&w, value, repr, REPR_MAX, NULL)) {
        snprintf(why, sizeof(why), "larger than an answer may be (%zu bytes), or than memory",
                 answer->max);
        viv_writer_free(&w);
        viv_writer_init(&w, answer->max);
        write_value(&w, value, repr, at_most(answer->max / 2, REPR_MAX), why);
    }
    answer->data = viv_writer_take(&w, &answer->len);
    if (collecting)
        PyGC_Enable();
}

int viv_answer_set_value(struct viv_answer *answer, PyObject *value)
{
    PyObject *repr;

    viv_answer_clear(answer);
    if (value == Py_None)
        return 0;
    repr = PyObject_Repr(value);
    /* Not an Exception: a cancel or an exit, which ends the run. */
    if (!repr && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    if (!repr)
        repr = unprintable(value);
    serialize(answer, value, repr);
    Py_XDECREF(repr);
    return 0;
}

void viv_answer_set_error(struct viv_answer *answer, PyObject *exception)
{
    struct viv_failure failure;
    struct viv_writer w;

    viv_failure_describe(exception, &failure);
    viv_writer_init(&w, at_most(answer->max, ERROR_MAX));
    viv_failure_field(&w, ERROR, &failure);
    if (w.failed) {
        viv_writer_free(&w);
        viv_writer_init(&w, at_most(answer->max, ERROR_MAX));
        viv_failure_brief_field(&w, ERROR, &failure, answer->max / 2);
    }
    viv_failure_free(&failure);
    viv_answer_clear(answer);
    answer->data = viv_writer_take(&w, &answer->len);
}
