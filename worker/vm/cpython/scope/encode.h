/* Writes what a walk has found. No user code runs in here. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_ENCODE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_ENCODE_H

#include <Python.h>
#include <stdbool.h>

#include "worker/vm/cpython/scope/nodes.h"
#include "worker/vm/cpython/scope/op.h"
#include "worker/vm/cpython/text.h"
#include "worker/vm/cpython/writer.h"

struct scope_encoder {
    struct scope_op *op;
    struct viv_writer *w;
    const struct scope_nodes *nodes;
    /* An object was there that the walk had not met: user code changed the
     * scope while it was walked. An Opaque stands in its place. */
    bool changed;
    bool failed; /* memory */
};

/* A value as a field, with `depth` containers around it. */
void scope_encode_value(struct scope_encoder *e, unsigned field, PyObject *object, int depth);

/* The content of a Mapping. */
void scope_encode_items(struct scope_encoder *e, PyObject *dict, int depth);

/* One entry of the table. */
void scope_encode_object(struct scope_encoder *e, unsigned field, const struct scope_node *node);

/* Within scope_encode_object: the content of a Value that is a container or a
 * leaf. */
void scope_encode_content(struct scope_encoder *e, PyObject *object, int depth);

#endif
