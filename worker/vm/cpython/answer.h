/* The worker's part of a vivarium.v1.ExecuteResponse, serialized as soon as its
 * contents are known: what is kept are bytes, not objects that code which still
 * runs could change, or whose end would be user code at a bad time. */
#ifndef VIVARIUM_VM_CPYTHON_ANSWER_H
#define VIVARIUM_VM_CPYTHON_ANSWER_H

#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct viv_answer {
    uint8_t *data; /* NULL: empty */
    size_t len;
    size_t max; /* what doesn't fit is replaced by a sentence */
};

/* The value of the trailing expression, nothing for None. Runs user code
 * (`__repr__`). -1 where that raised what no repr() may swallow: the exception
 * is pending. */
int viv_answer_set_value(struct viv_answer *answer, PyObject *value);

/* An exception instead. Runs user code (`__str__`). */
void viv_answer_set_error(struct viv_answer *answer, PyObject *exception);

/* Adds a field of type message, serialized, behind what is there. False where it
 * doesn't fit: nothing is added then. */
bool viv_answer_add(struct viv_answer *answer, unsigned field, const void *message, size_t len);

/* Adds what stands before a field of `len` bytes that the caller puts behind the
 * answer. False where they don't fit together. */
bool viv_answer_begin(struct viv_answer *answer, unsigned field, size_t len);

/* Adds what is serialized already, without a field around it: messages merge by
 * being joined. False where it doesn't fit: nothing is added then. */
bool viv_answer_join(struct viv_answer *answer, const void *message, size_t len);

void viv_answer_clear(struct viv_answer *answer);

#endif
