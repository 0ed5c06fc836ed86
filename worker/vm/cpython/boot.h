/* Starting the interpreter. */
#ifndef VIVARIUM_VM_CPYTHON_BOOT_H
#define VIVARIUM_VM_CPYTHON_BOOT_H

#include "proto/error.h"

/* Initialises Python, isolated from the environment but for PYTHONPATH, and
 * imports `preload` (NULL-terminated, may be NULL). */
int viv_boot(const char *const *preload, struct viv_error *err);

/* Fills in `err` with `what` and the pending exception, which is cleared. */
int viv_boot_fail(struct viv_error *err, const char *what);

#endif
