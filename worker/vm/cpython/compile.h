/* User code compiled so that the value of a trailing expression is kept. */
#ifndef VIVARIUM_VM_CPYTHON_COMPILE_H
#define VIVARIUM_VM_CPYTHON_COMPILE_H

#include <Python.h>

struct viv_compiled {
    PyObject *body;  /* code of every statement but the trailing expression */
    PyObject *value; /* code of that expression; NULL where there is none */
};

/* Before the first user code: builds the types that syntax trees are made of. */
int viv_compile_setup(void);

/* Compiles `len` bytes of UTF-8. -1 with the exception that python3 would
 * raise. */
int viv_compile(const char *code, size_t len, PyObject *filename,
                struct viv_compiled *ret_compiled);
void viv_compile_free(struct viv_compiled *compiled);

#endif
