/* What a program still does after its last statement. */
#ifndef VIVARIUM_VM_CPYTHON_ENDING_H
#define VIVARIUM_VM_CPYTHON_ENDING_H

#include <Python.h>
#include <stdbool.h>

/* Once, before user code. */
int viv_ending_setup(void);

/* Waits for the threads that aren't daemons, runs the atexit functions and
 * flushes the streams, as python3 does in this order. Runs user code. An
 * exception that ends it early is left pending (-1). */
int viv_ending_run(void);

/* The status that python3 would exit with for this SystemExit; a message in it
 * is printed to stderr. */
int viv_ending_status(PyObject *system_exit);

#endif
