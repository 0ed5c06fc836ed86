/* The steps of the jail, in the order in which jail.c takes them. */
#ifndef VIVARIUM_JAIL_PARTS_H
#define VIVARIUM_JAIL_PARTS_H

#include "proto/error.h"

/* jail_mounts.c */
int viv_jail_mounts(struct viv_error *err);

/* jail_limits.c */
int viv_jail_limits(struct viv_error *err);
int viv_jail_drop_capabilities(struct viv_error *err);

#endif
