/* The live executions by tenant and id: a hash table of fixed size over nodes
 * that live inside the executions. */
#ifndef VIVARIUM_REGISTRY_H
#define VIVARIUM_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/vivarium.h"

struct name {
    struct name *next;
    uint64_t hash;
    char tenant[VIV_ID_MAX + 1];
    char id[VIV_ID_MAX + 1];
};

struct registry {
    struct name **buckets;
    size_t mask;
    uint64_t seed; /* clients choose ids: they must not choose buckets */
};

int registry_init(struct registry *registry, size_t entries, struct viv_error *err);
void registry_free(struct registry *registry);

/* Of a pair; the two may hold any bytes but NUL. */
uint64_t registry_hash(const struct registry *registry, const char *tenant, const char *id);

/* NULL where there is none. */
struct name *registry_find(const struct registry *registry, const char *tenant, const char *id);

/* The name must not be there yet. */
void registry_add(struct registry *registry, struct name *name);
void registry_remove(struct registry *registry, struct name *name);

#endif
