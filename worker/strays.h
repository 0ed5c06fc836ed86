/* What a pid namespace does for nothing, done by hand where there is none: that
 * no process of a worker is left.
 *
 * A worker's init dies with the zygote, and its VM with init (PR_SET_PDEATHSIG).
 * With seccomp those two are all: the second filter forbids processes. Without
 * it the VM may have forked. The zygote is the reaper of orphans: whatever a
 * dead init or VM leaves becomes its child, and a child that it does not know
 * is killed. What that one leaves comes next. A worker has ended when there are
 * none. Lost without the namespace and without seccomp: a chain of processes
 * that forks faster than it is followed, and what runs on where the zygote
 * itself is killed. */
#ifndef VIVARIUM_STRAYS_H
#define VIVARIUM_STRAYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

/* Whether the kernel lists children (CONFIG_PROC_CHILDREN). `proc`: directory
 * descriptor of /proc. */
int viv_strays_check(int proc, struct viv_error *err);

/* Kills every child that isn't `known`. Returns how many there were; one of
 * them at least will be reaped by wait4(2). */
unsigned viv_strays_kill(int proc, bool (*known)(void *arg, pid_t pid), void *arg);

#endif
