/* Python objects as vivarium.v1.Value. No Python code runs in here, nothing is
 * pickled and no recursion grows with the data. */
#ifndef VIVARIUM_VM_CPYTHON_VALUE_H
#define VIVARIUM_VM_CPYTHON_VALUE_H

#include <Python.h>

#include "worker/vm/cpython/writer.h"

/* Writes `object` as a field of type Value. Values that are shared, cyclic or
 * nested too deep become a Graph; what isn't plain becomes Opaque. Fails as the
 * writer does. */
void viv_value_field(struct viv_writer *w, unsigned field, PyObject *object);

/* Writes a Value that says why there is none. */
void viv_value_opaque(struct viv_writer *w, unsigned field, PyObject *object, const char *reason);

#endif
