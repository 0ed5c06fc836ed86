/* sys.stdin, sys.stdout and sys.stderr. */
#ifndef VIVARIUM_VM_CPYTHON_STREAMS_H
#define VIVARIUM_VM_CPYTHON_STREAMS_H

#include <stdbool.h>

/* Once, before user code. -1 with an exception. */
int viv_streams_setup(void);

/* Writes out what they, and C's stdio, still hold. Runs user code where that
 * replaced them; clears exceptions. False: there was one, and they may hold
 * something still. */
bool viv_streams_flush(void);

#endif
