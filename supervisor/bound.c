/* How much memory a supervisor may come to need, as a sum over what it keeps.
 * DESIGN.md says what holds each of these down. */
#include <string.h>

#include "supervisor/session.h"
#include "supervisor/supervisor.h"

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The most that any execution may ask for; 0, any, can't be among the ceilings of memory. */
static uint64_t output_max(const struct viv_config *c, const struct viv_tenant_config *tenants,
                           size_t count)
{
    uint64_t bytes = c->ceilings.output_bytes;

    for (size_t i = 0; i < count; i++)
        bytes = most(bytes, tenants[i].ceilings.output_bytes);
    return bytes;
}

static uint64_t tables(const struct viv_config *c)
{
    uint64_t places = (uint64_t)c->workers_max + c->queue_max + c->sessions.max + 64;

    return sizeof(struct viv_supervisor) + places * (sizeof(struct execution) + 256) +
           c->workers_max * (sizeof(struct worker) + 4096) +
           c->sessions.max * sizeof(struct session) +
           c->tenants_max * (sizeof(struct tenant) + 256);
}

static bool in_memory(const struct viv_config *c)
{
    const char *url = c->sessions.store_url;

    return !url || strncmp(url, "memory:", strlen("memory:")) == 0;
}

/* Of one tenant's sessions, as far as its quota bounds their number. Measured, and rounded
 * up: one in a list, which grows by doubling. */
#define LISTED_BYTES 256

static uint64_t list_max(const struct viv_config *c, const struct viv_tenant_config *tenants,
                         size_t count)
{
    uint64_t stored = count == 0 ? c->sessions.tenant_bytes_max : 0;

    for (size_t i = 0; i < count; i++)
        stored = most(stored, tenants[i].stored_bytes);
    return stored / STORE_SESSION_BYTES * LISTED_BYTES;
}

/* malloc maps what has 128 KiB, the most that a chunk has, and one page more. */
static uint64_t store_in_memory(uint64_t counted)
{
    return counted + counted / 32;
}

void viv_memory_bound(const struct viv_config *config, const struct viv_tenant_config *tenants,
                      size_t count, struct viv_memory_part ret_parts[VIV_MEMORY_PARTS])
{
    const struct viv_config *c = config;
    uint64_t result = c->result_bytes_max, output = output_max(c, tenants, count);
    /* A buffer that grows has twice its size for a moment, and both streams have one. */
    uint64_t running = 2 * result + 3 * output;
    const struct viv_memory_part parts[VIV_MEMORY_PARTS] = {
        {"tables", tables(c)},
        /* Once here, once on its way into a worker. */
        {"requests and snapshots", 2 * c->request_bytes_total},
        {"executions that run", c->workers_max * running},
        /* One more than fits, and what the store's thread has in its hands. */
        {"scopes on their way to and from the store, and lists",
         SESSION_STORE_WAITING_BYTES + running + 4 * result +
             SESSION_LISTINGS_BEGUN * list_max(c, tenants, count)},
        {"the store in memory", in_memory(c) ? store_in_memory(c->sessions.memory_bytes_max) : 0},
    };

    memcpy(ret_parts, parts, sizeof(parts));
}
