/* One snapshot or restore under way: its caps, and why it stops.
 *
 * Functions that may fail return -1 in one of two ways, told apart by
 * scope_op_take_reason(): the operation as a whole has ended (`end` is set), or
 * only the name at hand fails (a reason in words, or a Python exception). */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_OP_H
#define VIVARIUM_VM_CPYTHON_SCOPE_OP_H

#include "worker/vm/cpython/scope/scope.h"

enum scope_end { SCOPE_GOES_ON, SCOPE_STOPPED, SCOPE_TOO_MANY, SCOPE_TOO_LARGE, SCOPE_NO_MEMORY };

struct scope_op {
    struct scope_caps caps;
    uint64_t counted;
    enum scope_end end;
    PyObject *reason; /* str */
    bool collecting;  /* whether the garbage collector was on */
};

/* The collector rests meanwhile: it would look at every new object again and
 * again, and run finalizers in between. */
void scope_op_begin(struct scope_op *op, const struct scope_caps *caps);
void scope_op_finish(struct scope_op *op);

int scope_op_look(struct scope_op *op);

/* One more value. */
static inline int scope_op_count(struct scope_op *op)
{
    return (++op->counted & 1023) == 0 ? scope_op_look(op) : 0;
}

/* Both always -1. */
int scope_op_abort(struct scope_op *op, enum scope_end end);
int scope_op_refuse(struct scope_op *op, const char *format, ...);

/* After a -1: why this name fails, a new str; the exception is gone. NULL: all
 * of it fails. */
PyObject *scope_op_take_reason(struct scope_op *op);

/* `err` from `end`; -1. */
int scope_op_fail(const struct scope_op *op, struct viv_error *err);

#endif
