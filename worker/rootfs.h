/* The read-only root that every worker sees. */
#ifndef VIVARIUM_ROOTFS_H
#define VIVARIUM_ROOTFS_H

#include <stdbool.h>

#include "proto/error.h"

/* Builds it and moves in; the old root is gone afterwards. Needs a mount
 * namespace and the capabilities over it. Where the machine lets nobody mount
 * a /proc (a container that masks parts of its own), there is none inside.
 * `paths` of the old root, NULL-terminated or NULL, are in the new one too.
 * `shared`: one /tmp and one /dev/shm for all workers, who have none of their
 * own. On failure the old root is still the root. */
int viv_rootfs_enter(bool shared, const char *const *paths, struct viv_error *err);

#endif
