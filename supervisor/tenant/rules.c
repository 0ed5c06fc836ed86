/* The table of what tenants may use. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/limits.h"
#include "supervisor/profile.h"
#include "supervisor/tenant/tenants.h"

#define TEMPLATE "default"
#define COUNT_MAX 1000000u

static int out_of_range(const struct viv_tenant_config *t, const char *what, const char *range,
                        struct viv_error *err)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "tenant %s: %s must be %s", t->tenant, what, range);
}

static int check_numbers(const struct viv_tenant_config *t, struct viv_error *err)
{
    if (t->weight < 1 || t->weight > FAIR_WEIGHT_MAX)
        return out_of_range(t, "weight", "1 to 10000", err);
    if (t->running < 1 || t->running > COUNT_MAX)
        return out_of_range(t, "running", "1 to 1000000", err);
    if (t->queued > COUNT_MAX)
        return out_of_range(t, "queued", "at most 1000000", err);
    if (t->rate != 0 && !(t->rate >= BUCKET_RATE_MIN && t->rate <= BUCKET_RATE_MAX))
        return out_of_range(t, "rate", "0.001 to 1000000 a second, or 0 for any", err);
    if (t->group_cpu_millis != 0 && t->group_cpu_millis < LIMITS_CPU_MILLIS_MIN)
        return out_of_range(t, "group_cpu_millis", "0 or at least 10", err);
    if (t->burst < 1 || t->burst > BUCKET_BURST_MAX)
        return out_of_range(t, "burst", "1 to 1000000", err);
    return 0;
}

static int check_limits(const struct viv_tenant_config *t, struct viv_error *err)
{
    const struct viv_limits none = {0};
    struct viv_limits unused;
    struct viv_error why;

    if (t->defaults.wall_time_ns <= 0)
        return out_of_range(t, "the default wall_time", "above zero", err);
    if (limits_resolve(&t->defaults, &none, &t->ceilings, &unused, &why) == 0)
        return 0;
    return viv_fail(err, VIV_INVALID_ARGUMENT,
                    "tenant %s: a default contradicts its ceiling: %.300s", t->tenant, why.text);
}

static int check(const struct viv_tenant_config *t, struct viv_error *err)
{
    if (!t->tenant)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a tenant has no name");
    if (limits_check_id("the name of a tenant", t->tenant, err) < 0)
        return -1;
    if (t->isolation > VIV_ISOLATION_EXEC)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "tenant %s: there is no isolation %d", t->tenant,
                        (int)t->isolation);
    return check_numbers(t, err) < 0 || check_limits(t, err) < 0 ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct viv_tenant_config *)a)->tenant,
                  ((const struct viv_tenant_config *)b)->tenant);
}

static int check_twice(const struct viv_tenant_config *rules, size_t count, struct viv_error *err)
{
    for (size_t i = 1; i < count; i++)
        if (by_name(&rules[i - 1], &rules[i]) == 0)
            return viv_fail(err, VIV_INVALID_ARGUMENT, "tenant %s is there twice", rules[i].tenant);
    return 0;
}

/* No execution may ask for more memory than all of the tenant's may have. */
static void narrow(struct viv_limits *limits, uint64_t memory_bytes)
{
    if (limits->memory_bytes > memory_bytes)
        limits->memory_bytes = memory_bytes;
    if (limits->memory_soft_bytes > memory_bytes)
        limits->memory_soft_bytes = memory_bytes;
}

static int copy(const struct viv_tenant_config *from, struct viv_tenant_config *to,
                struct viv_error *err)
{
    *to = *from;
    to->tenant = strdup(from->tenant);
    to->profiles = from->profiles ? (const char *const *)strings_copy(from->profiles) : NULL;
    if (!to->tenant || (from->profiles && !to->profiles))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for the table of tenants");
    if (to->memory_bytes != 0)
        narrow(&to->ceilings, to->memory_bytes);
    return 0;
}

void tenants_rules_free(struct viv_tenant_config *rules, size_t count)
{
    for (size_t i = 0; rules && i < count; i++) {
        free((char *)rules[i].tenant);
        strings_free((char **)rules[i].profiles);
    }
    free(rules);
}

int tenants_rules_new(const struct viv_tenant_config *configs, size_t count,
                      struct viv_tenant_config **ret_rules, struct viv_error *err)
{
    struct viv_tenant_config *rules = calloc(count + 1, sizeof(*rules));
    int rc = 0;

    if (!rules)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for the table of tenants");
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = check(&configs[i], err);
        if (rc == 0)
            rc = copy(&configs[i], &rules[i], err);
    }
    if (rc == 0) {
        qsort(rules, count, sizeof(*rules), by_name);
        rc = check_twice(rules, count, err);
    }
    if (rc < 0) {
        tenants_rules_free(rules, count);
        return -1;
    }
    *ret_rules = rules;
    return 0;
}

int viv_tenants_check(const struct viv_tenant_config *tenants, size_t count, struct viv_error *err)
{
    struct viv_tenant_config *rules;

    if (tenants_rules_new(tenants, count, &rules, err) < 0)
        return -1;
    tenants_rules_free(rules, count);
    return 0;
}

static const struct viv_tenant_config *find(const struct tenants *t, const char *tenant)
{
    const struct viv_tenant_config key = {.tenant = tenant};

    return bsearch(&key, t->rules, t->rule_count, sizeof(*t->rules), by_name);
}

const struct viv_tenant_config *tenants_rules_of(const struct tenants *tenants, const char *tenant)
{
    const struct viv_tenant_config *own = find(tenants, tenant);

    return own ? own : find(tenants, TEMPLATE);
}

/* A quarter of all, so that nobody holds it alone; but the largest request fits. */
static uint64_t usual_request_bytes(const struct viv_config *config)
{
    uint64_t total = config->request_bytes_total, most = config->request_bytes_max;
    uint64_t usual = total / 4 > most ? total / 4 : most;

    return usual < total ? usual : total;
}

void viv_tenant_config_init(struct viv_tenant_config *tenant, const struct viv_config *config)
{
    *tenant = (struct viv_tenant_config){
        .tenant = TEMPLATE,
        .weight = 1,
        .running = config->workers_max,
        .queued = config->queue_max,
        .burst = 1,
        .request_bytes = usual_request_bytes(config),
        .sessions = config->sessions.max,
        .resident_sessions = config->workers_max,
        .stored_bytes = config->sessions.tenant_bytes_max,
        .group_memory_bytes = config->tenant_memory_bytes,
        .group_pids = config->tenant_pids,
        .group_cpu_millis = config->tenant_cpu_millis,
        .defaults = config->defaults,
        .ceilings = config->ceilings,
    };
}
