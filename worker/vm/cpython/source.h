/* The source of the running code, for whoever shows a line of it: tracebacks,
 * linecache, inspect. */
#ifndef VIVARIUM_VM_CPYTHON_SOURCE_H
#define VIVARIUM_VM_CPYTHON_SOURCE_H

#include <Python.h>

/* Once, before user code. */
int viv_source_setup(void);

/* Takes over the code that is about to run, also for linecache. The name that
 * it is to be compiled under, borrowed, NULL with an exception: a str that
 * nobody else may hold, for viv_source_show() changes it. */
PyObject *viv_source_set(const char *code, size_t len, PyObject *filename);

/* As if there had been none. */
void viv_source_forget(void);

/* Line `number` (from 1) of file `filename` with its line end; a new str, NULL
 * without an exception where it isn't known. */
PyObject *viv_source_line(PyObject *filename, int number);

/* The interpreter's own traceback printer knows only files. Between these two
 * it finds the code as one. Best effort: without, tracebacks lack lines. */
void viv_source_show(void);
/* Gives back the text that was printed meanwhile with its names put right;
 * takes over `text` (may be NULL). */
PyObject *viv_source_hide(PyObject *text);

#endif
