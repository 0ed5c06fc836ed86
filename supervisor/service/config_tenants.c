#include "supervisor/service/config_tenants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/config_limits.h"
#include "supervisor/service/config_value.h"

#define COUNT_MAX 1000000u
#define WEIGHT_MAX 10000u
#define RATE_MIN 0.001
#define RATE_MAX 1e6
#define BYTES_MAX (UINT64_C(1) << 50)

/* One tenant as it is read. */
struct reader {
    const struct config_yaml *yaml;
    unsigned index;
    struct viv_error *err;
    int rc; /* of the values so far */
};

/* Whether there is a value to read; `ret_path` is where it stands. */
static bool wanted(const struct reader *r, const char *key, const char *text, char ret_path[64])
{
    snprintf(ret_path, 64, "tenants[%u].%s", r->index, key);
    return text && r->rc == 0;
}

static void judge(struct reader *r, const char *path, int rc)
{
    if (rc < 0)
        r->rc = config_yaml_at(r->yaml, path, r->err);
}

static void read_count(struct reader *r, const char *key, const char *text, unsigned low,
                       unsigned high, unsigned *ret)
{
    char path[64];

    if (wanted(r, key, text, path))
        judge(r, path, config_unsigned(path, text, low, high, ret, r->err));
}

static void read_bytes(struct reader *r, const char *key, const char *text, uint64_t *ret)
{
    char path[64];

    if (wanted(r, key, text, path))
        judge(r, path, config_bytes(path, text, BYTES_MAX, ret, r->err));
}

static void read_cpus(struct reader *r, const char *key, const char *text, uint32_t *ret)
{
    char path[64];

    if (wanted(r, key, text, path))
        judge(r, path, config_cpus(path, text, ret, r->err));
}

static void read_isolation(struct reader *r, const char *text, enum viv_isolation *ret)
{
    char path[64];

    if (wanted(r, "isolation", text, path))
        judge(r, path, config_isolation(path, text, ret, r->err));
}

static void read_rate(struct reader *r, const char *key, const char *text, double *ret)
{
    char path[64];

    if (wanted(r, key, text, path))
        judge(r, path, config_rate(path, text, RATE_MIN, RATE_MAX, ret, r->err));
}

int config_tenants_limits(const struct config_yaml *yaml, unsigned index,
                          struct viv_limits *defaults, struct viv_limits *ceilings,
                          struct viv_error *err)
{
    const struct yaml_tenant *y = &yaml->values->tenants[index];
    char path[64];

    snprintf(path, sizeof(path), "tenants[%u].ceilings", index);
    if (config_limits_read(yaml, path, &y->ceilings, ceilings, err) < 0)
        return -1;
    config_limits_clip(&y->defaults, ceilings, defaults);
    snprintf(path, sizeof(path), "tenants[%u].defaults", index);
    return config_limits_read(yaml, path, &y->defaults, defaults, err);
}

static int read_tenant(const struct config_yaml *yaml, unsigned index, struct viv_tenant_config *t,
                       struct viv_error *err)
{
    const struct yaml_tenant *y = &yaml->values->tenants[index];
    struct reader r = {.yaml = yaml, .index = index, .err = err};
    char path[64];

    t->tenant = y->name;
    read_count(&r, "weight", y->weight, 1, WEIGHT_MAX, &t->weight);
    read_count(&r, "running", y->running, 1, COUNT_MAX, &t->running);
    read_count(&r, "queued", y->queued, 0, COUNT_MAX, &t->queued);
    read_rate(&r, "rate", y->rate, &t->rate);
    read_count(&r, "burst", y->burst, 1, COUNT_MAX, &t->burst);
    read_bytes(&r, "memory_bytes", y->memory_bytes, &t->memory_bytes);
    read_bytes(&r, "request_bytes", y->request_bytes, &t->request_bytes);
    read_count(&r, "sessions", y->sessions, 0, COUNT_MAX, &t->sessions);
    read_count(&r, "resident_sessions", y->resident_sessions, 0, COUNT_MAX, &t->resident_sessions);
    read_bytes(&r, "stored_bytes", y->stored_bytes, &t->stored_bytes);
    read_bytes(&r, "group_memory", y->group_memory, &t->group_memory_bytes);
    read_count(&r, "group_pids", y->group_pids, 0, COUNT_MAX, &t->group_pids);
    read_cpus(&r, "group_cpus", y->group_cpus, &t->group_cpu_millis);
    read_isolation(&r, y->isolation, &t->isolation);
    if (r.rc < 0 || config_tenants_limits(yaml, index, &t->defaults, &t->ceilings, err) < 0)
        return -1;
    snprintf(path, sizeof(path), "tenants[%u].name", index);
    return viv_tenants_check(t, 1, err) < 0 ? config_yaml_at(yaml, path, err) : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct yaml_tenant *x = *(struct yaml_tenant *const *)a;
    const struct yaml_tenant *y = *(struct yaml_tenant *const *)b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : x < y ? -1 : x > y;
}

static int check_twice(const struct config_yaml *yaml, struct viv_error *err)
{
    unsigned count = yaml->values->tenant_count, wrong = 0;
    struct yaml_tenant *all = yaml->values->tenants;
    struct yaml_tenant **sorted = calloc(count, sizeof(*sorted));
    char path[64];

    if (!sorted)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    for (unsigned i = 0; i < count; i++)
        sorted[i] = &all[i];
    qsort(sorted, count, sizeof(struct yaml_tenant *), by_name);
    for (unsigned i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            wrong = (unsigned)(sorted[i] - all);
    free(sorted);
    if (wrong == 0)
        return 0;
    viv_fail(err, VIV_INVALID_ARGUMENT, "tenant %.128s is there twice", all[wrong].name);
    snprintf(path, sizeof(path), "tenants[%u].name", wrong);
    return config_yaml_at(yaml, path, err);
}

int config_tenants_read(const struct config_yaml *yaml, const struct viv_config *base,
                        struct viv_tenant_config **ret_tenants, size_t *ret_count,
                        struct viv_error *err)
{
    unsigned count = yaml->values ? yaml->values->tenant_count : 0;
    struct viv_tenant_config *tenants = calloc(count + 1, sizeof(*tenants));
    int rc = 0;

    if (!tenants)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    viv_tenant_config_init(&tenants[0], base);
    for (unsigned i = 0; i < count && rc == 0; i++) {
        viv_tenant_config_init(&tenants[i], base);
        rc = read_tenant(yaml, i, &tenants[i], err);
    }
    if (rc < 0 || (count > 1 && check_twice(yaml, err) < 0)) {
        free(tenants);
        return -1;
    }
    *ret_tenants = tenants;
    *ret_count = count > 0 ? count : 1;
    return 0;
}

static size_t count_credentials(const struct config_yaml *yaml)
{
    size_t count = 0;

    for (unsigned i = 0; yaml->values && i < yaml->values->tenant_count; i++) {
        const struct yaml_credentials *c = &yaml->values->tenants[i].credentials;

        count += c->certificates.count + c->uids.count + c->token_count;
    }
    return count;
}

static int read_token(const struct config_yaml *yaml, unsigned tenant, unsigned index,
                      struct config_credential *ret, struct viv_error *err)
{
    const struct yaml_token *token = &yaml->values->tenants[tenant].credentials.tokens[index];
    char path[80];

    ret->value = token->hash;
    snprintf(path, sizeof(path), "tenants[%u].credentials.tokens[%u].expires", tenant, index);
    if (token->expires && config_time("expires", token->expires, &ret->expires_s, err) < 0)
        return config_yaml_at(yaml, path, err);
    return 0;
}

static int read_uid(const struct config_yaml *yaml, unsigned tenant, unsigned index,
                    struct config_credential *ret, struct viv_error *err)
{
    char path[80];
    int64_t unused;

    ret->value = yaml->values->tenants[tenant].credentials.uids.text[index];
    snprintf(path, sizeof(path), "tenants[%u].credentials.uids[%u]", tenant, index);
    if (config_integer("a uid", ret->value, 0, UINT32_MAX - 1, &unused, err) < 0)
        return config_yaml_at(yaml, path, err);
    return 0;
}

/* Returns how many there are now, or -1. */
static ssize_t read_credentials(const struct config_yaml *yaml, unsigned tenant, size_t count,
                                struct config_credential *all, struct viv_error *err)
{
    const struct yaml_tenant *y = &yaml->values->tenants[tenant];
    const struct yaml_credentials *c = &y->credentials;

    for (unsigned i = 0; i < c->certificates.count; i++)
        all[count++] = (struct config_credential){
            .kind = CONFIG_CERTIFICATE, .tenant = y->name, .value = c->certificates.text[i]};
    for (unsigned i = 0; i < c->uids.count; i++) {
        all[count] = (struct config_credential){.kind = CONFIG_UID, .tenant = y->name};
        if (read_uid(yaml, tenant, i, &all[count++], err) < 0)
            return -1;
    }
    for (unsigned i = 0; i < c->token_count; i++) {
        all[count] = (struct config_credential){.kind = CONFIG_TOKEN, .tenant = y->name};
        if (read_token(yaml, tenant, i, &all[count++], err) < 0)
            return -1;
    }
    return (ssize_t)count;
}

int config_tenants_credentials(const struct config_yaml *yaml,
                               struct config_credential **ret_credentials, size_t *ret_count,
                               struct viv_error *err)
{
    struct config_credential *all = calloc(count_credentials(yaml) + 1, sizeof(*all));
    ssize_t count = 0;

    if (!all)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    for (unsigned i = 0; yaml->values && i < yaml->values->tenant_count && count >= 0; i++)
        count = read_credentials(yaml, i, (size_t)count, all, err);
    if (count < 0) {
        free(all);
        return -1;
    }
    *ret_credentials = all;
    *ret_count = (size_t)count;
    return 0;
}
