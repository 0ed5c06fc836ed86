/* The tenants: what each one may use and what it does use. Pure but for the
 * random seed of its hash table; fixed memory after tenants_init() but for the
 * table of rules.
 *
 * It is shared by threads: the functions here are called under one lock of the
 * caller's. A tenant's flow is not: it belongs to the reactor. */
#ifndef VIVARIUM_TENANTS_H
#define VIVARIUM_TENANTS_H

#include <sys/queue.h>

#include "supervisor/registry.h"
#include "supervisor/tenant/bucket.h"
#include "supervisor/tenant/fair.h"
#include "supervisor/tenant/pace.h"
#include "supervisor/vivarium.h"

TAILQ_HEAD(tenant_executions, execution);

struct tenant {
    struct name name; /* (tenant, "") */
    TAILQ_ENTRY(tenant) idle;
    const struct viv_tenant_config *rules; /* NULL: no longer in the table */
    unsigned places;                       /* executions that wait and run */
    uint64_t bytes;                        /* of their requests */
    struct bucket bucket;
    struct pace pace;

    /* The reactor's own. */
    struct fair_flow flow;
    struct tenant_executions executions; /* all of them, oldest first */
    bool known;                          /* these two are set up */
};

TAILQ_HEAD(tenant_list, tenant);

struct tenants {
    struct tenant *all;
    unsigned max, used;       /* of `all`, from the front */
    struct tenant_list idle;  /* those without executions, longest first */
    struct registry registry; /* those in use */
    struct viv_tenant_config *rules;
    size_t rule_count;
    uint64_t places;  /* of all */
    struct pace pace; /* of all */
};

/* `max`: tenants with executions at a time. The table begins with the entry
 * that viv_tenant_config_init() makes of `config`. */
int tenants_init(struct tenants *tenants, unsigned max, const struct viv_config *config,
                 struct viv_error *err);
void tenants_free(struct tenants *tenants);

/* Copies the configuration into a new table, sorted and checked. */
int tenants_rules_new(const struct viv_tenant_config *configs, size_t count,
                      struct viv_tenant_config **ret_rules, struct viv_error *err);
void tenants_rules_free(struct viv_tenant_config *rules, size_t count);

/* Takes over a new table and frees the old one. Whoever owns flows then gives
 * each its new share. */
void tenants_replace(struct tenants *tenants, struct viv_tenant_config *rules, size_t count);

/* What is said of a tenant; NULL: nothing is, it may not use this supervisor. */
const struct viv_tenant_config *tenants_rules_of(const struct tenants *tenants, const char *tenant);

/* VIV_PERMISSION_DENIED. Returns -1. */
int tenants_fail_unknown(const char *tenant, struct viv_error *err);

/* What comes of a request of `bytes` that asks for `limits`: its tenant, and
 * its limits in full. Changes no count. VIV_PERMISSION_DENIED,
 * VIV_INVALID_ARGUMENT for what can never be, VIV_RESOURCE_EXHAUSTED with a time
 * to come again. */
int tenants_check(struct tenants *tenants, const char *tenant, uint64_t bytes,
                  const struct viv_limits *limits, int64_t now_ns, struct tenant **ret_tenant,
                  struct viv_limits *ret_limits, struct viv_error *err);

/* Takes a token of the tenant's rate, and counts a request that was checked. */
int tenants_take(struct tenants *tenants, struct tenant *tenant, uint64_t bytes, int64_t now_ns,
                 struct viv_error *err);

/* Its end. The tenant may be somebody else's afterwards. */
void tenants_drop(struct tenants *tenants, struct tenant *tenant, uint64_t bytes, int64_t now_ns);

/* A tenant that has executions; NULL: it has none. */
struct tenant *tenants_find(const struct tenants *tenants, const char *tenant);

/* The share of the fair queue; of a tenant that is no longer in the table: the
 * least there is, so that what waits still runs. */
struct fair_share tenants_share(const struct tenant *tenant);

#endif
