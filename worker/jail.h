/* The jail: what a worker gives up before it sees user code. */
#ifndef VIVARIUM_JAIL_H
#define VIVARIUM_JAIL_H

#include <stdint.h>

#include "proto/error.h"
#include "worker/layers.h"
#include "worker/seccomp.h"

/* The channel's descriptor inside. */
#define VIV_JAIL_CHANNEL VIV_SECCOMP_CHANNEL

struct viv_jail {
    int proc;                 /* directory descriptor of a /proc that sees this process */
    int channel;              /* becomes VIV_JAIL_CHANNEL */
    int out, err;             /* become descriptors 1 and 2 */
    struct viv_layers layers; /* `present`: what the zygote has, and so has this process */
    const char *const *read_only_paths; /* beside Python's; may be NULL */
    bool network;                       /* TCP is not to be refused */
    const struct viv_seccomp *filter;
};

/* Enters it, in a process that is alone in new namespaces of the kinds that
 * jail->layers.present names. Every layer but those is tried; one that can't be
 * had and may be absent is passed over. *ret_layers: those that are there. On
 * failure the process must end. */
int viv_jail_enter(const struct viv_jail *jail, uint64_t *ret_layers, struct viv_error *err);

#endif
