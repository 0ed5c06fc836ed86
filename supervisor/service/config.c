#include "supervisor/service/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/service/config_limits.h"
#include "supervisor/service/config_profiles.h"
#include "supervisor/service/config_tenants.h"

struct config {
    struct config_yaml yaml;
    struct config_credential *credentials;
    size_t credential_count;
    struct config_profiles profiles;
};

static const struct yaml_config nothing;

static const struct yaml_config *values(const struct config *c)
{
    return c->yaml.values ? c->yaml.values : &nothing;
}

/* What flags and other values of the file can't change is checked here. */
static int check_values(struct config *c, struct viv_error *err)
{
    const struct yaml_config *v = values(c);
    struct viv_limits unused = {0};
    struct viv_config library = {0};

    if (config_limits(c, &library, err) < 0)
        return -1;
    for (unsigned i = 0; i < v->tenant_count; i++)
        if (config_tenants_limits(&c->yaml, i, &unused, &unused, err) < 0)
            return -1;
    if (config_profiles_read(&c->yaml, &c->profiles, err) < 0)
        return -1;
    return config_tenants_credentials(&c->yaml, &c->credentials, &c->credential_count, err);
}

int config_parse(const char *name, const char *text, size_t len, struct config **ret_config,
                 struct viv_error *err)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    if (config_yaml_parse(name, text, len, &c->yaml, err) < 0 || check_values(c, err) < 0) {
        config_free(c);
        return -1;
    }
    *ret_config = c;
    return 0;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    free(config->credentials);
    config_profiles_free(&config->profiles);
    config_yaml_free(&config->yaml);
    free(config);
}

static int read_all(int fd, char *text, size_t size, size_t *ret_len)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, text + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    *ret_len = len;
    return n < 0 ? -1 : 0;
}

int config_load(const char *path, struct config **ret_config, struct viv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(CONFIG_BYTES_MAX + 1);
    size_t len;
    int rc;

    if (!text)
        rc = viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    else if (fd < 0 || read_all(fd, text, CONFIG_BYTES_MAX + 1, &len) < 0)
        rc = viv_fail_errno(err, VIV_INVALID_ARGUMENT, "can't read %.300s", path);
    else
        rc = config_parse(path, text, len, ret_config, err);
    free(text);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int set_one(const struct config *c, const char *key, const char *path, const char *value,
                   const struct config_setter *setter, struct viv_error *err)
{
    if (!value || setter->set(setter->arg, key, value, err) == 0)
        return 0;
    return config_yaml_at(&c->yaml, path, err);
}

static int set_list(const struct config *c, const char *key, const struct yaml_list *list,
                    const struct config_setter *setter, struct viv_error *err)
{
    char path[32];

    for (unsigned i = 0; i < list->count; i++) {
        snprintf(path, sizeof(path), "%s[%u]", key, i);
        if (set_one(c, key, path, list->text[i], setter, err) < 0)
            return -1;
    }
    return 0;
}

static int set_lists(const struct config *c, const struct config_setter *setter,
                     struct viv_error *err)
{
    const struct yaml_config *v = values(c);

    if (set_list(c, "listen", &v->listen, setter, err) < 0 ||
        set_list(c, "preload", &v->preload, setter, err) < 0 ||
        set_list(c, "allow_absent", &v->allow_absent, setter, err) < 0)
        return -1;
    return set_list(c, "store_old_keys", &v->store_old_keys, setter, err);
}

int config_each(const struct config *config, const struct config_setter *setter,
                struct viv_error *err)
{
    const struct yaml_config *v = values(config);
    const struct {
        const char *key, *value;
    } scalars[] = {
#define SCALAR(key) {#key, v->key}
        SCALAR(insecure_tcp),
        SCALAR(worker),
        SCALAR(workers_warm),
        SCALAR(workers_max),
        SCALAR(queue_max),
        SCALAR(tenants_max),
        SCALAR(drain_grace),
        SCALAR(request_timeout),
        SCALAR(output_stall),
        SCALAR(max_message),
        SCALAR(request_bytes_total),
        SCALAR(max_streams),
        SCALAR(max_connections),
        SCALAR(execution_cost_min),
        SCALAR(log_level),
        SCALAR(store),
        SCALAR(store_key),
        SCALAR(node),
        SCALAR(sessions_max),
        SCALAR(sessions_resident),
        SCALAR(session_idle),
        SCALAR(session_lease),
        SCALAR(session_bytes),
        SCALAR(tls_cert),
        SCALAR(tls_key),
        SCALAR(tls_client_ca),
        SCALAR(token_file),
        SCALAR(metrics),
        SCALAR(audit),
        SCALAR(audit_required),
        SCALAR(tenant_memory),
        SCALAR(tenant_pids),
        SCALAR(tenant_cpus),
        SCALAR(worker_cpus),
        SCALAR(memory_store_bytes),
        SCALAR(answer_bytes_total),
#undef SCALAR
    };

    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
        if (set_one(config, scalars[i].key, scalars[i].key, scalars[i].value, setter, err) < 0)
            return -1;
    return set_lists(config, setter, err);
}

int config_limits(const struct config *config, struct viv_config *library, struct viv_error *err)
{
    const struct yaml_config *v = values(config);

    if (config_limits_read(&config->yaml, "ceilings", &v->ceilings, &library->ceilings, err) < 0)
        return -1;
    config_limits_clip(&v->defaults, &library->ceilings, &library->defaults);
    return config_limits_read(&config->yaml, "defaults", &v->defaults, &library->defaults, err);
}

int config_at(const struct config *config, const char *path, struct viv_error *err)
{
    return config_yaml_at(&config->yaml, path, err);
}

const struct config_credential *config_credentials(const struct config *config, size_t *ret_count)
{
    *ret_count = config->credential_count;
    return config->credentials;
}

void config_profiles(const struct config *config, struct viv_config *library)
{
    library->profiles = config->profiles.all;
    library->profile_count = config->profiles.count;
}

/* How many of the first ones are right. */
static size_t count_right(const struct viv_config *library)
{
    struct viv_config some = *library;

    for (size_t i = 0; i < library->profile_count; i++) {
        some.profile_count = i + 1;
        if (viv_config_check(&some, NULL) < 0)
            return i;
    }
    return library->profile_count;
}

int config_profiles_check(const struct config *config, const struct viv_config *library,
                          struct viv_error *err)
{
    struct viv_config none = *library;
    char path[32];

    none.profile_count = 0;
    if (viv_config_check(library, err) == 0)
        return 0;
    if (viv_config_check(&none, NULL) < 0)
        return -1; /* of something else */
    snprintf(path, sizeof(path), "profiles[%zu]", count_right(library));
    return config_yaml_at(&config->yaml, path, err);
}

int config_tenants(const struct config *config, const struct viv_config *base,
                   struct viv_tenant_config **ret_tenants, size_t *ret_count, struct viv_error *err)
{
    const struct yaml_config *v = values(config);
    struct viv_tenant_config *tenants;
    size_t count;

    for (unsigned i = 0; i < v->tenant_count; i++)
        if (config_profiles_check_tenant(&config->yaml, base, i, err) < 0)
            return -1;
    if (config_tenants_read(&config->yaml, base, &tenants, &count, err) < 0)
        return -1;
    for (unsigned i = 0; i < v->tenant_count; i++)
        tenants[i].profiles = config->profiles.tenants[i];
    *ret_tenants = tenants;
    *ret_count = count;
    return 0;
}
