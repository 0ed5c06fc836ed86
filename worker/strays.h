/* What a pid namespace does for nothing, done by hand where there is none: that
 * no process of a worker is left.
 *
 * A worker's init dies with the zygote, and its VM with init (PR_SET_PDEATHSIG).
 * With seccomp those two are all: the second filter forbids processes. Without
 * it the VM may have forked. The zygote is the reaper of orphans: whatever a
 * dead init or VM leaves becomes its child, and a child that it does not know is
 * killed, with all below it. First all are stopped, from the top down: what is
 * stopped neither forks nor reaps, so that a fork bomb comes to an end at its
 * limit of processes and no pid is used again meanwhile. A worker has ended when
 * none is left.
 *
 * Lost without the namespace and without seccomp: what runs on where the zygote
 * itself is killed. */
#ifndef VIVARIUM_STRAYS_H
#define VIVARIUM_STRAYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

/* Whether the kernel lists children (CONFIG_PROC_CHILDREN). `proc`: directory
 * descriptor of /proc. */
int viv_strays_check(int proc, struct viv_error *err);

/* Kills every child that isn't `known`, and all their descendants. Returns how
 * many there were; a child will be reaped by wait4(2) if there were any. */
size_t viv_strays_kill(int proc, bool (*known)(void *arg, pid_t pid), void *arg);

#endif
