/* Which layers of isolation there are, and which may be missing. Pure. */
#ifndef VIVARIUM_LAYERS_H
#define VIVARIUM_LAYERS_H

#include "proto/zygote.h"
#include "supervisor/vivarium.h"

/* What is known of a missing layer; the texts may be NULL. */
struct layers_finding {
    const char *why;
    const char *remedy;
};

/* Holds `present` against all that `wanted` names. A layer that is missing and
 * not in `allowed` is VIV_FAILED_PRECONDITION: the text says which, why, what to
 * do about it, and by which flags to do without every one of them.
 * `findings` is indexed by enum viv_layer and may be NULL. */
int layers_check(uint64_t wanted, uint64_t present, uint64_t allowed,
                 const struct layers_finding *findings, struct viv_error *err);

#endif
