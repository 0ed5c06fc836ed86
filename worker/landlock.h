/* Landlock: the file system, and TCP, refused once more by another mechanism
 * than mounts and namespaces. */
#ifndef VIVARIUM_LANDLOCK_H
#define VIVARIUM_LANDLOCK_H

#include "proto/error.h"

/* The kernel's version of it; 0: it has none, or it is switched off. *ret_why
 * (may be NULL) says so in words, static. */
int viv_landlock_abi(const char **ret_why);

struct viv_landlock_config {
    /* Each NULL-terminated, or NULL. What isn't there is left out. */
    const char *const *list;     /* folders whose names may be listed, with all below */
    const char *const *read[3];  /* may be read and executed, with all below */
    const char *const *write[2]; /* may be read and changed, with all below; no devices, no exec */
    int network;                 /* not 0: TCP stays as it is */
};

/* For the calling thread and what comes of it. no_new_privs must be set. Returns
 * 0 with *ret_abi the version enforced, 0 where there is none. */
int viv_landlock_enter(const struct viv_landlock_config *config, int *ret_abi,
                       struct viv_error *err);

#endif
