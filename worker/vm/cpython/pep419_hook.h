/* sys.setcleanuphook: a callback of the calling thread, called with a frame
 * each time the frame's cleanup count falls. Costs only while one is set. */
#ifndef VIVARIUM_VM_CPYTHON_PEP419_HOOK_H
#define VIVARIUM_VM_CPYTHON_PEP419_HOOK_H

#include <Python.h>
#include <stdbool.h>

struct _PyInterpreterFrame;

void viv_pep419_hook_setup(void);
PyObject *viv_pep419_set_hook(PyObject *self, PyObject *callback);

/* Whether this thread's hook is being told that this very frame has left: it
 * still stands at its last instruction of cleanup, from which it returns. */
bool viv_pep419_hook_is_leaving(const struct _PyInterpreterFrame *frame);

#endif
