/* Which supervisor? Pure, but for viv_target_trouble(). */
#ifndef VIVARIUM_CLIENT_TARGET_H
#define VIVARIUM_CLIENT_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

#define VIV_TARGET_MAX 512

/* What the environment says; any may be NULL, an empty one counts as unset. */
struct viv_target_environment {
    const char *vivarium_target;
    const char *xdg_runtime_dir;
    bool (*exists)(const char *path);
};

/* Writes the gRPC name of `given`, or where that is NULL of what the environment
 * says, or of the system's socket. The latter also where only that exists: a
 * user without a supervisor of their own, and root, whose supervisor listens
 * there whatever the environment says. VIV_INVALID_ARGUMENT where that can't be a
 * target. */
int viv_target_resolve(const char *given, const struct viv_target_environment *environment,
                       char target[VIV_TARGET_MAX], struct viv_error *err);

/* The path of a "unix:" target, else NULL. Points into `target`. */
const char *viv_target_path(const char *target);

/* Why connecting fails, in words; tries once where the target is a socket file.
 * Always fills in `err`, with VIV_UNAVAILABLE. */
void viv_target_trouble(const char *target, struct viv_error *err);

#endif
