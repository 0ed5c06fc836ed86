/* Runs pep419_test.py in an interpreter that viv_cancel_setup has prepared. */
#include <Python.h>
#include <stdio.h>

#include "worker/vm/cpython/cancel.h"

int main(int argc, char **argv)
{
    FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!script) {
        fprintf(stderr, "usage: pep419_test pep419_test.py\n");
        return 2;
    }
    Py_Initialize();
    if (viv_cancel_setup() != 0) {
        PyErr_Print();
        return 1;
    }
    int status = PyRun_SimpleFileEx(script, argv[1], 1);
    return Py_FinalizeEx() != 0 || status != 0;
}
