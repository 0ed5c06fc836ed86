/* Processes inside a slot's group, entered as the zygote does it: by
 * CLONE_INTO_CGROUP on version 2, through the doors on version 1. */
#ifndef VIVARIUM_TESTS_CGROUP_INSIDE_H
#define VIVARIUM_TESTS_CGROUP_INSIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/cgroup/cgroup.h"

/* Runs `job` in a new process and exits with what it returns. */
pid_t inside(const struct viv_cgroup *cg, unsigned slot, int (*job)(void *arg), void *arg);

/* The wait status. */
int ended(pid_t pid);

/* Jobs. */
int job_touch(void *mebibytes); /* allocates and touches that many; 0: it could */
int job_fork(void *count);      /* forks that many sleepers; returns how many it got, at most 200 */
int job_burn(void *ms);         /* keeps a processor busy */
int job_fill(void *shared);     /* writes the first 16 MiB there */
int job_sleep(void *unused);
int job_nothing(void *unused);

double now_us(void);

/* Sorted in place. */
double median(double *values, unsigned count);

#endif
