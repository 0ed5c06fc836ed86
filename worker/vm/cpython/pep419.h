/* PEP 419 for user code: frame.f_in_cleanup, sys.setcleanuphook,
 * inspect.isframeincleanup and inspect.getcleanupframe. */
#ifndef VIVARIUM_VM_CPYTHON_PEP419_H
#define VIVARIUM_VM_CPYTHON_PEP419_H

/* Once, after viv_cleanup_map_setup. Imports inspect. -1 with a Python
 * exception set. */
int viv_pep419_setup(void);

#endif
