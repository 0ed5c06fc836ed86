/* Which layers of the jail are there, may be absent, or are left out. Pure. */
#ifndef VIVARIUM_WORKER_LAYERS_H
#define VIVARIUM_WORKER_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/layer.h"

/* Bits of enum viv_layer. */
struct viv_layers {
    uint64_t allowed; /* to be absent */
    uint64_t without; /* left out on purpose: tests only */
    uint64_t present;
};

/* Those that a worker is cloned into beside its user namespace; that of control
 * groups comes later. */
extern const uint64_t viv_layers_namespaces;

static inline bool viv_layers_have(const struct viv_layers *layers, unsigned layer)
{
    return (layers->present & VIV_LAYER_BIT(layer)) != 0;
}

static inline bool viv_layers_wanted(const struct viv_layers *layers, unsigned layer)
{
    return (layers->without & VIV_LAYER_BIT(layer)) == 0;
}

/* `absent` with all that can't be had without one of them. */
uint64_t viv_layers_close(uint64_t absent);

/* Of layers that can't be had, and `err` says why: 0 where all may be absent;
 * else -1, and err goes on with their names and how to allow it. */
int viv_layers_lack(const struct viv_layers *layers, uint64_t absent, struct viv_error *err);

#endif
