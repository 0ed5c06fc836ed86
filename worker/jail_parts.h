/* The steps of the jail that have files of their own. */
#ifndef VIVARIUM_JAIL_PARTS_H
#define VIVARIUM_JAIL_PARTS_H

#include "proto/error.h"
#include "worker/jail.h"

/* jail_mounts.c */
int viv_jail_scratch(const struct viv_jail *jail, struct viv_error *err);
int viv_jail_proc(const struct viv_jail *jail, struct viv_error *err);

/* jail_limits.c */
int viv_jail_limits(const struct viv_jail *jail, struct viv_error *err);
int viv_jail_drop_capabilities(const struct viv_jail *jail, struct viv_error *err);

#endif
