/* Cloning workers from the zygote. */
#ifndef VIVARIUM_SPAWN_H
#define VIVARIUM_SPAWN_H

#include <sys/types.h>

#include "worker/init.h"

/* Clones a worker. Its pid is the zygote's to reap; *ret_pidfd is the
 * caller's to close. */
int viv_spawn(const struct viv_seat *seat, pid_t *ret_pid, int *ret_pidfd, struct viv_error *err);

/* Clones one that only tries the jail, and waits for it. */
int viv_spawn_trial(const struct viv_seat *seat, uint64_t *ret_layers, struct viv_error *err);

#endif
