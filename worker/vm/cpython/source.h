/* The source of the running code, for whoever shows a line of it: tracebacks,
 * linecache, inspect. */
#ifndef VIVARIUM_VM_CPYTHON_SOURCE_H
#define VIVARIUM_VM_CPYTHON_SOURCE_H

#include <Python.h>

/* Once, before user code. */
int viv_source_setup(void);

/* Takes over the code that is about to run, also for linecache. The name that
 * it is to be compiled under, borrowed, NULL with an exception: a str of its own,
 * by which the code is known. */
PyObject *viv_source_set(const char *code, size_t len, PyObject *filename);

/* As if there had been none. */
void viv_source_forget(void);

/* Line `number` (from 1) of file `filename` with its line end; a new str, NULL
 * without an exception where it isn't known. */
PyObject *viv_source_line(PyObject *filename, int number);

/* The same of what was taken over, for code that was compiled from it and no
 * other of that name. */
PyObject *viv_source_line_of(const PyCodeObject *code, int number);

#endif
