/* The worker's part of a vivarium.v1.ExecuteResponse. */
#ifndef VIVARIUM_VM_CPYTHON_ANSWER_H
#define VIVARIUM_VM_CPYTHON_ANSWER_H

#include <Python.h>

#include <stddef.h>
#include <stdint.h>

struct viv_answer {
    PyObject *value; /* of the trailing expression; NULL: none, or None */
    PyObject *repr;  /* str; NULL with it */
    /* The exception that ended the code, serialized. The object itself isn't
     * kept: it holds the frames and with them whatever they hold. */
    uint8_t *error;
    size_t error_len;
};

/* Takes over `value`, and its repr(), which is user code. -1 where that raised
 * what no repr() may swallow: the exception is pending. */
int viv_answer_set_value(struct viv_answer *answer, PyObject *value);

/* Takes down an exception. Runs user code (`__str__`). */
void viv_answer_set_error(struct viv_answer *answer, PyObject *exception);
void viv_answer_drop(struct viv_answer *answer);

/* Serializes it; the caller frees *ret_data, which is NULL where it is empty.
 * What does not fit into `max` bytes is replaced by a sentence. */
void viv_answer_write(const struct viv_answer *answer, size_t max, uint8_t **ret_data,
                      size_t *ret_len);

#endif
