/* What a program still does after its last statement. */
#ifndef VIVARIUM_VM_CPYTHON_ENDING_H
#define VIVARIUM_VM_CPYTHON_ENDING_H

#include <Python.h>
#include <stdbool.h>

/* Once, before user code. */
int viv_ending_setup(void);

/* Waits for the threads that aren't daemons. Runs user code. -1: an exception
 * ended it early and is pending. `*ret_threading` is the module, NULL where there
 * is none. */
int viv_ending_join_threads(PyObject **ret_threading);

/* Runs the atexit functions, as the one above. */
int viv_ending_run_exit_functions(void);

/* The status that python3 would exit with for this SystemExit; a message in it
 * is printed to stderr. */
int viv_ending_status(PyObject *system_exit);

#endif
