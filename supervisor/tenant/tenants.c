#include "supervisor/tenant/tenants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/limits.h"

int tenants_init(struct tenants *tenants, unsigned max, const struct viv_config *config,
                 struct viv_error *err)
{
    struct tenants t = {.max = max, .rule_count = 1};
    struct viv_tenant_config first;

    viv_tenant_config_init(&first, config);
    if (tenants_rules_new(&first, 1, &t.rules, err) < 0)
        return -1;
    t.all = calloc(max, sizeof(*t.all));
    if (!t.all || registry_init(&t.registry, max, err) < 0) {
        free(t.all);
        tenants_rules_free(t.rules, 1);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %u tenants", max);
    }
    *tenants = t;
    TAILQ_INIT(&tenants->idle);
    return 0;
}

void tenants_free(struct tenants *tenants)
{
    free(tenants->all);
    registry_free(&tenants->registry);
    tenants_rules_free(tenants->rules, tenants->rule_count);
    *tenants = (struct tenants){0};
}

void tenants_replace(struct tenants *tenants, struct viv_tenant_config *rules, size_t count)
{
    tenants_rules_free(tenants->rules, tenants->rule_count);
    tenants->rules = rules;
    tenants->rule_count = count;
    for (unsigned i = 0; i < tenants->used; i++)
        tenants->all[i].rules = tenants_rules_of(tenants, tenants->all[i].name.tenant);
}

static struct tenant *find(const struct tenants *t, const char *tenant)
{
    struct name *name = registry_find(&t->registry, tenant, "");

    return name ? (struct tenant *)((char *)name - offsetof(struct tenant, name)) : NULL;
}

/* An unused one, or that which has been idle longest. */
static struct tenant *vacate(struct tenants *t)
{
    struct tenant *longest = TAILQ_FIRST(&t->idle);

    if (t->used < t->max)
        return &t->all[t->used++];
    if (longest) {
        TAILQ_REMOVE(&t->idle, longest, idle);
        registry_remove(&t->registry, &longest->name);
    }
    return longest;
}

static int make(struct tenants *t, const char *tenant, const struct viv_tenant_config *rules,
                struct tenant **ret, struct viv_error *err)
{
    struct tenant *made = vacate(t);

    if (!made) {
        viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                 "%u tenants have executions, the most there may be: try again later", t->max);
        return viv_retry_after(err, PACE_UNKNOWN_NS);
    }
    memset(made, 0, sizeof(*made));
    strncpy(made->name.tenant, tenant, VIV_ID_MAX);
    made->rules = rules;
    registry_add(&t->registry, &made->name);
    TAILQ_INSERT_TAIL(&t->idle, made, idle);
    *ret = made;
    return 0;
}

static int check_bytes(const struct tenant *t, uint64_t bytes, int64_t now_ns,
                       struct viv_error *err)
{
    uint64_t most = t->rules->request_bytes;

    if (bytes > most)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "code, stdin and scope together are above the tenant's %" PRIu64 " bytes",
                        most);
    if (t->bytes <= most && bytes <= most - t->bytes)
        return 0;
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "the tenant's requests that run and wait hold %" PRIu64 " bytes, of %" PRIu64
             " there may be: try again later",
             t->bytes, most);
    return viv_retry_after(err, pace_delay(&t->pace, t->places, now_ns));
}

static int check_places(const struct tenant *t, int64_t now_ns, struct viv_error *err)
{
    const struct viv_tenant_config *rules = t->rules;

    if (t->places < rules->running + rules->queued)
        return 0;
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "%u executions of the tenant run and wait, of %u and %u there may be: try again later",
             t->places, rules->running, rules->queued);
    return viv_retry_after(err, pace_delay(&t->pace, t->places, now_ns));
}

int tenants_fail_unknown(const char *tenant, struct viv_error *err)
{
    return viv_fail(err, VIV_PERMISSION_DENIED, "tenant %s may not use this supervisor", tenant);
}

int tenants_check(struct tenants *tenants, const char *tenant, uint64_t bytes,
                  const struct viv_limits *limits, int64_t now_ns, struct tenant **ret_tenant,
                  struct viv_limits *ret_limits, struct viv_error *err)
{
    const struct viv_tenant_config *rules = tenants_rules_of(tenants, tenant);
    struct tenant *t = find(tenants, tenant);
    struct viv_limits resolved;

    if (!rules)
        return tenants_fail_unknown(tenant, err);
    if (limits_resolve(limits, &rules->defaults, &rules->ceilings, &resolved, err) < 0)
        return -1;
    if (!t && make(tenants, tenant, rules, &t, err) < 0)
        return -1;
    if (check_bytes(t, bytes, now_ns, err) < 0 || check_places(t, now_ns, err) < 0)
        return -1;
    *ret_tenant = t;
    *ret_limits = resolved;
    return 0;
}

int tenants_take(struct tenants *tenants, struct tenant *tenant, uint64_t bytes, int64_t now_ns,
                 struct viv_error *err)
{
    struct bucket_rate rate = bucket_rate(tenant->rules->rate, tenant->rules->burst);
    int64_t wait = bucket_take(&tenant->bucket, &rate, now_ns);

    if (wait > 0) {
        viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                 "the tenant may begin %g executions a second: try again in %.3f s",
                 tenant->rules->rate, (double)wait / 1e9);
        return viv_retry_after(err, wait);
    }
    tenants->places++;
    if (tenant->places++ == 0)
        TAILQ_REMOVE(&tenants->idle, tenant, idle);
    tenant->bytes += bytes;
    return 0;
}

void tenants_drop(struct tenants *tenants, struct tenant *tenant, uint64_t bytes, int64_t now_ns)
{
    pace_note(&tenants->pace, now_ns);
    pace_note(&tenant->pace, now_ns);
    tenants->places--;
    tenant->bytes -= bytes;
    if (--tenant->places == 0)
        TAILQ_INSERT_TAIL(&tenants->idle, tenant, idle);
}

struct tenant *tenants_find(const struct tenants *tenants, const char *tenant)
{
    struct tenant *t = find(tenants, tenant);

    return t && t->places > 0 ? t : NULL;
}

struct fair_share tenants_share(const struct tenant *tenant)
{
    const struct viv_tenant_config *r = tenant->rules;

    if (!r)
        return (struct fair_share){.weight = 1, .running_max = 1, .size_max = UINT64_MAX};
    return (struct fair_share){.weight = r->weight,
                               .running_max = r->running,
                               .queued_max = r->queued,
                               .size_max = r->memory_bytes ? r->memory_bytes : UINT64_MAX};
}
