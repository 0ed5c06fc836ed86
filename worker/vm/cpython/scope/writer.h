/* Writes protobuf from its end to its beginning, so that the length of a nested
 * message is known when it is wanted; the fields of a message and the items of
 * a repeated field are written last to first.
 *
 * The memory is address space of the cap's size, filled from the top: pages are
 * taken as they are reached and nothing is ever moved, so that a block of bytes
 * is copied once. After a failure all calls do nothing. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_WRITER_H
#define VIVARIUM_VM_CPYTHON_SCOPE_WRITER_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "worker/vm/cpython/scope/scope.h"

struct scope_writer {
    uint8_t *floor; /* of the address space */
    uint8_t *at;    /* the message so far begins here */
    uint8_t *top;
    bool full;
};

/* -1 where there is no such address space. */
int scope_writer_init(struct scope_writer *w, size_t max);
void scope_writer_free(struct scope_writer *w);

/* Hands the message over, without what was not used. */
void scope_writer_take(struct scope_writer *w, struct scope_bytes *ret_bytes);

/* How much was written: a mark for the calls below. */
static inline size_t scope_writer_used(const struct scope_writer *w)
{
    return (size_t)(w->top - w->at);
}

void scope_writer_raw(struct scope_writer *w, const void *data, size_t len);
void scope_writer_varint(struct scope_writer *w, unsigned field, uint64_t value);
void scope_writer_sint(struct scope_writer *w, unsigned field, int64_t value);
/* A message of one such field, as a field. */
void scope_writer_sint_in(struct scope_writer *w, unsigned field, unsigned inner, int64_t value);
void scope_writer_double(struct scope_writer *w, unsigned field, double value);
void scope_writer_bytes(struct scope_writer *w, unsigned field, const void *data, size_t len);

/* A str without a tag, each surrogate as three bytes. Whether it has any, or
 * U+0000. */
bool scope_writer_str(struct scope_writer *w, PyObject *str);

/* A field of type string: surrogates and U+0000 as "?". NULL writes nothing. */
void scope_writer_text(struct scope_writer *w, unsigned field, PyObject *str);

/* Makes a field of what was written since the mark. */
void scope_writer_field(struct scope_writer *w, unsigned field, size_t mark);

#endif
