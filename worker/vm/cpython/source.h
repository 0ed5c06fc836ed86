/* The source of the running code, for whoever shows a line of it: tracebacks,
 * linecache, inspect. */
#ifndef VIVARIUM_VM_CPYTHON_SOURCE_H
#define VIVARIUM_VM_CPYTHON_SOURCE_H

#include <Python.h>

/* Once, before user code. */
int viv_source_setup(void);

/* The code that is about to run, also for linecache. -1 with an exception. */
int viv_source_set(const char *code, size_t len, PyObject *filename);

/* Line `number` (from 1) of file `filename` with its line end; a new str, NULL
 * without an exception where it isn't known. */
PyObject *viv_source_line(PyObject *filename, int number);

/* The interpreter's own traceback printer knows only files. Between these two
 * it finds the code as one. Best effort: without, tracebacks lack lines. */
void viv_source_show(void);
void viv_source_hide(void);

#endif
