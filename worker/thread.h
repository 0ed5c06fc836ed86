/* A raw clone leaves the C library's idea of the calling thread as it was;
 * fork(3) would have put it right. This does, for the parts that matter. */
#ifndef VIVARIUM_THREAD_H
#define VIVARIUM_THREAD_H

#include <sys/types.h>

/* Looks up where the C library keeps them. Once, in the zygote. */
void viv_thread_setup(void);

/* Where the kernel is to write the thread id of a clone (CLONE_CHILD_SETTID);
 * NULL where it can't be found: then pthread_kill() on the main thread misses. */
pid_t *viv_thread_tid(void);

/* In the process that is about to share its memory with a clone. */
void viv_thread_leave(void);

/* In that clone. */
void viv_thread_adopt(void);

#endif
