/* CPython 3.11 behind the seam. */
#ifndef VIVARIUM_VM_CPYTHON_H
#define VIVARIUM_VM_CPYTHON_H

#include "worker/vm/vm.h"

extern const struct viv_vm_ops viv_cpython_ops;

#endif
