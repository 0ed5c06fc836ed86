#include "supervisor/registry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int registry_init(struct registry *registry, size_t entries, struct viv_error *err)
{
    size_t buckets = 16;

    while (buckets < entries)
        buckets *= 2;
    if (getrandom(&registry->seed, sizeof(registry->seed), 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't get random bytes");
    registry->buckets = calloc(buckets, sizeof(*registry->buckets));
    if (!registry->buckets)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    registry->mask = buckets - 1;
    return 0;
}

void registry_free(struct registry *registry)
{
    free(registry->buckets);
    registry->buckets = NULL;
}

/* FNV-1a with a random start, and a final mix (Vigna's splitmix64) so that the
 * low bits depend on all. */
uint64_t registry_hash(const struct registry *registry, const char *tenant, const char *id)
{
    uint64_t h = registry->seed ^ UINT64_C(0xcbf29ce484222325);

    for (const char *c = tenant; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0x100000001b3); /* the boundary between the two */
    for (const char *c = id; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

struct name *registry_find(const struct registry *registry, const char *tenant, const char *id)
{
    uint64_t hash = registry_hash(registry, tenant, id);

    for (struct name *n = registry->buckets[hash & registry->mask]; n; n = n->next)
        if (n->hash == hash && strcmp(n->id, id) == 0 && strcmp(n->tenant, tenant) == 0)
            return n;
    return NULL;
}

void registry_add(struct registry *registry, struct name *name)
{
    struct name **bucket;

    name->hash = registry_hash(registry, name->tenant, name->id);
    bucket = &registry->buckets[name->hash & registry->mask];
    name->next = *bucket;
    *bucket = name;
}

void registry_remove(struct registry *registry, struct name *name)
{
    struct name **at = &registry->buckets[name->hash & registry->mask];

    while (*at && *at != name)
        at = &(*at)->next;
    if (*at)
        *at = name->next;
}
