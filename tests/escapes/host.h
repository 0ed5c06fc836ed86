/* What there is to reach outside: a file, a process of the same user, sockets,
 * a control group. */
#ifndef VIVARIUM_TESTS_HOST_H
#define VIVARIUM_TESTS_HOST_H

#include <stddef.h>
#include <sys/types.h>

void host_start(void);
void host_stop(void);

/* Python assignments that tell an attempt what is where; `victim`: another
 * worker's process. */
void host_facts(pid_t victim, char *text, size_t room);

/* Kills what an attempt left running. Whether there was any. */
int host_outlived(void);

#endif
