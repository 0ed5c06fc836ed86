#include "supervisor/service/config_profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/config_value.h"

#define WARM_DEFAULT 1
#define WARM_MAX 10000u

/* With their ends. */
static size_t count_words(const struct yaml_config *y)
{
    size_t count = 0;

    for (unsigned i = 0; i < y->profile_count; i++)
        count += y->profiles[i].preload.count + y->profiles[i].read_only_paths.count +
                 y->profiles[i].environment.count + 3;
    for (unsigned i = 0; i < y->tenant_count; i++)
        count += y->tenants[i].profiles.count + 1;
    return count;
}

/* `at`: where there is room for it. */
static const char *const *terminated(const struct yaml_list *list, const char ***at)
{
    const char **begin = *at;

    for (unsigned i = 0; i < list->count; i++)
        *(*at)++ = list->text[i];
    *(*at)++ = NULL;
    return begin;
}

static int read_one(const struct config_yaml *yaml, unsigned index, const char ***at,
                    struct viv_profile *p, struct viv_error *err)
{
    const struct yaml_profile *y = &yaml->values->profiles[index];
    char path[64];

    *p = (struct viv_profile){.name = y->name, .workers_warm = WARM_DEFAULT};
    p->preload = terminated(&y->preload, at);
    p->read_only_paths = terminated(&y->read_only_paths, at);
    p->environment = terminated(&y->environment, at);
    snprintf(path, sizeof(path), "profiles[%u].network", index);
    if (y->network && config_bool(path, y->network, &p->network, err) < 0)
        return config_yaml_at(yaml, path, err);
    snprintf(path, sizeof(path), "profiles[%u].workers_warm", index);
    if (y->workers_warm &&
        config_unsigned(path, y->workers_warm, 0, WARM_MAX, &p->workers_warm, err) < 0)
        return config_yaml_at(yaml, path, err);
    snprintf(path, sizeof(path), "profiles[%u].isolation", index);
    if (y->isolation && config_isolation(path, y->isolation, &p->isolation, err) < 0)
        return config_yaml_at(yaml, path, err);
    return 0;
}

static int read_all(const struct config_yaml *yaml, struct config_profiles *p,
                    struct viv_error *err)
{
    const struct yaml_config *y = yaml->values;
    const char **at = p->lists;

    for (unsigned i = 0; i < y->tenant_count; i++)
        p->tenants[i] = y->tenants[i].profiles.count > 0 ? terminated(&y->tenants[i].profiles, &at)
                                                         : NULL;
    for (unsigned i = 0; i < y->profile_count; i++)
        if (read_one(yaml, i, &at, &p->all[i], err) < 0)
            return -1;
    return 0;
}

int config_profiles_read(const struct config_yaml *yaml, struct config_profiles *ret_profiles,
                         struct viv_error *err)
{
    const struct yaml_config *y = yaml->values;
    struct config_profiles p = {.count = y ? y->profile_count : 0};

    if (!y) {
        *ret_profiles = p;
        return 0;
    }
    p.all = calloc(p.count + 1, sizeof(*p.all));
    p.tenants = calloc(y->tenant_count + 1, sizeof(*p.tenants));
    p.lists = calloc(count_words(y) + 1, sizeof(*p.lists));
    if (!p.all || !p.tenants || !p.lists)
        viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    else if (read_all(yaml, &p, err) == 0) {
        *ret_profiles = p;
        return 0;
    }
    config_profiles_free(&p);
    return -1;
}

void config_profiles_free(struct config_profiles *p)
{
    free(p->all);
    free(p->tenants);
    free(p->lists);
    *p = (struct config_profiles){0};
}

static bool is_there(const struct viv_config *base, const char *name)
{
    for (size_t i = 0; i < base->profile_count; i++)
        if (strcmp(base->profiles[i].name, name) == 0)
            return true;
    return strcmp(name, "default") == 0;
}

int config_profiles_check_tenant(const struct config_yaml *yaml, const struct viv_config *base,
                                 unsigned index, struct viv_error *err)
{
    const struct yaml_list *list = &yaml->values->tenants[index].profiles;
    char path[64];

    for (unsigned i = 0; i < list->count; i++) {
        if (is_there(base, list->text[i]))
            continue;
        viv_fail(err, VIV_INVALID_ARGUMENT, "there is no profile '%.100s'", list->text[i]);
        snprintf(path, sizeof(path), "tenants[%u].profiles[%u]", index, i);
        return config_yaml_at(yaml, path, err);
    }
    return 0;
}
