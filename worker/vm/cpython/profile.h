/* A sampling profiler: a timer rings the doorbell, and where the step hook runs
 * next, the stacks of all threads are counted. Nothing is installed in the
 * interpreter, so what it costs is the samples. PROFILE.md says what it sees.
 *
 * All of it with the GIL, in the main thread. One at a time. */
#ifndef VIVARIUM_VM_CPYTHON_PROFILE_H
#define VIVARIUM_VM_CPYTHON_PROFILE_H

#include <stdint.h>

#include "worker/vm/cpython/answer.h"

/* Begins to sample at this interval, nanoseconds. -1: there is no timer. */
int viv_profile_begin(uint64_t interval_ns);

/* No sample is taken after it. Idempotent. */
void viv_profile_stop(void);

/* Adds the profile to an answer and forgets it. False where it doesn't fit, or
 * where memory is out. */
bool viv_profile_take(struct viv_answer *answer);

#endif
