/* The cooperative half of the memory limit: above the soft limit an allocation
 * fails, and the code gets a MemoryError that it may catch and clean up after.
 * The kernel's limit is above it. */
#ifndef VIVARIUM_CPYTHON_MEMORY_H
#define VIVARIUM_CPYTHON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Puts itself in front of the interpreter's allocators. In the zygote, after
 * Python has started. */
void viv_memory_setup(void);

/* In a clone, before it runs anything: what it holds now is nobody's. */
void viv_memory_adopt(void);

/* `soft` of 0: no limit. `hard`: what the kernel kills at. Bytes of this
 * process. */
void viv_memory_begin(uint64_t soft, uint64_t hard);
void viv_memory_end(void);

/* Whether an allocation has been refused since viv_memory_begin(). */
bool viv_memory_refused(void);

/* What is asked on behalf of code that is not the interpreter's. From any thread. */
bool viv_memory_may_have(size_t size);

/* Nothing is refused between the two: what tells of an error must not fail of
 * the same. */
void viv_memory_pause(void);
void viv_memory_resume(void);

#endif
