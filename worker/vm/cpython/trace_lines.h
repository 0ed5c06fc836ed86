/* Which lines ran, in order: those of the main thread, from begin to stop. While
 * it is on, code runs several times as slowly.
 *
 * All of it with the GIL, in the main thread. One at a time. */
#ifndef VIVARIUM_VM_CPYTHON_TRACE_LINES_H
#define VIVARIUM_VM_CPYTHON_TRACE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/vm/cpython/answer.h"

/* Once, before user code. */
void viv_trace_lines_setup(void);

/* The first `lines_max` are kept, the others counted. Without `libraries`, lines
 * of the standard library and of installed packages are neither. -1: out of
 * memory. */
int viv_trace_lines_begin(uint32_t lines_max, bool libraries);

/* Idempotent. */
void viv_trace_lines_stop(void);

/* Adds the trace to an answer and forgets it. False where it doesn't fit, or
 * where memory is out. */
bool viv_trace_lines_take(struct viv_answer *answer);

#endif
