/* Output that is seen soon without a system call for every print(): what a
 * standard stream writes into. */
#ifndef VIVARIUM_VM_CPYTHON_LIVE_H
#define VIVARIUM_VM_CPYTHON_LIVE_H

#include <Python.h>
#include <stdbool.h>

/* A new raw stream (a subtype of io.FileIO) over descriptor 1, for the one
 * sys.stdout. Once. NULL with an exception. */
PyObject *viv_live_new(void);

/* Writes out what it holds, if anything; clears exceptions. False: there was
 * one. */
bool viv_live_flush(PyObject *stream);

#endif
