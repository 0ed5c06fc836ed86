#include "supervisor/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/limits.h"

#define DEFAULT "default"
#define WORD_MAX 4096

/* --- lists ---------------------------------------------------------------------- */

static size_t count_of(const char *const *strings)
{
    size_t count = 0;

    while (strings && strings[count])
        count++;
    return count;
}

void strings_free(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

char **strings_copy(const char *const *strings)
{
    size_t count = count_of(strings);
    char **copy = calloc(count + 1, sizeof(*copy));

    for (size_t i = 0; strings && copy && i < count; i++) {
        copy[i] = strdup(strings[i]);
        if (!copy[i]) {
            strings_free(copy);
            return NULL;
        }
    }
    return copy;
}

/* --- whether they can be --------------------------------------------------------- */

static int wrong(const struct viv_profile *p, struct viv_error *err, const char *what,
                 const char *value)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "profile %s: %s: '%.200s'", p->name, what, value);
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Absolute, and as realpath(3) would write it if nothing were a link. */
static bool is_plain(const char *path)
{
    size_t len = strlen(path);

    if (len < 2 || len >= WORD_MAX || path[0] != '/' || path[len - 1] == '/')
        return false;
    for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/'))
        if (at[1] == '/' || strncmp(at, "/./", 3) == 0 || strncmp(at, "/../", 4) == 0 ||
            strcmp(at, "/.") == 0 || strcmp(at, "/..") == 0)
            return false;
    return true;
}

/* Places where every worker has something of its own. */
static int check_path(const struct viv_profile *p, const char *path, struct viv_error *err)
{
    static const char *const own[] = {"/tmp", "/proc", "/dev", "/sys"};

    if (!is_plain(path))
        return wrong(p, err, "read_only_paths wants absolute paths without . and ..", path);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (is_below(path, own[i]))
            return wrong(p, err, "read_only_paths: nothing of /tmp, /proc, /dev or /sys", path);
    return 0;
}

static int check_variable(const struct viv_profile *p, const char *word, struct viv_error *err)
{
    const char *at = word;

    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    if (at == word || isdigit((unsigned char)word[0]) || *at != '=' || strlen(word) >= WORD_MAX)
        return wrong(p, err, "environment wants NAME=VALUE", word);
    return 0;
}

static int check_module(const struct viv_profile *p, const char *module, struct viv_error *err)
{
    if (module[0] == '\0' || module[0] == '-' || strlen(module) >= WORD_MAX)
        return wrong(p, err, "preload wants names of modules", module);
    return 0;
}

static int check_list(const struct viv_profile *p, const char *what, const char *const *list,
                      size_t most,
                      int (*check)(const struct viv_profile *, const char *, struct viv_error *),
                      struct viv_error *err)
{
    if (count_of(list) > most)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "profile %s: %s may have %zu entries at most",
                        p->name, what, most);
    for (; list && *list; list++)
        if (check(p, *list, err) < 0)
            return -1;
    return 0;
}

static int check_profile(const struct viv_profile *p, struct viv_error *err)
{
    if (!p->name || strnlen(p->name, VIV_PROFILE_MAX + 1) > VIV_PROFILE_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the name of a profile must be 1 to %d characters", VIV_PROFILE_MAX);
    if (limits_check_id("the name of a profile", p->name, err) < 0)
        return -1;
    if (p->isolation > VIV_ISOLATION_EXEC)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "profile %s: there is no isolation %d", p->name,
                        (int)p->isolation);
    if (check_list(p, "preload", p->preload, PROFILE_MODULES_MAX, check_module, err) < 0 ||
        check_list(p, "read_only_paths", p->read_only_paths, PROFILE_PATHS_MAX, check_path, err) <
            0)
        return -1;
    return check_list(p, "environment", p->environment, PROFILE_ENVIRONMENT_MAX, check_variable,
                      err);
}

static bool has_default(const struct viv_config *config)
{
    for (size_t i = 0; i < config->profile_count; i++)
        if (config->profiles[i].name && strcmp(config->profiles[i].name, DEFAULT) == 0)
            return true;
    return false;
}

static int check_sums(const struct viv_config *config, struct viv_error *err)
{
    uint64_t warm = has_default(config) ? 0 : config->workers_warm;

    for (size_t i = 0; i < config->profile_count; i++) {
        warm += config->profiles[i].workers_warm;
        for (size_t j = 0; j < i; j++)
            if (strcmp(config->profiles[i].name, config->profiles[j].name) == 0)
                return viv_fail(err, VIV_INVALID_ARGUMENT, "profile %s is there twice",
                                config->profiles[i].name);
    }
    if (warm > config->workers_max)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "workers_warm of all profiles, %llu, is above workers_max of %u",
                        (unsigned long long)warm, config->workers_max);
    return 0;
}

int profiles_check(const struct viv_config *config, struct viv_error *err)
{
    size_t most = VIV_PROFILES_MAX - (has_default(config) ? 0 : 1);
    struct viv_profile first = {.name = DEFAULT, .preload = config->preload};

    if (config->profile_count > most)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "there may be %d profiles at most, the default one included",
                        VIV_PROFILES_MAX);
    if (check_profile(&first, err) < 0)
        return -1;
    for (size_t i = 0; i < config->profile_count; i++)
        if (check_profile(&config->profiles[i], err) < 0)
            return -1;
    return config->profile_count > 0 ? check_sums(config, err) : 0;
}

/* --- copies ----------------------------------------------------------------------- */

static int copy(const struct viv_profile *from, struct viv_profile *to)
{
    *to = (struct viv_profile){
        .name = strdup(from->name),
        .preload = (const char *const *)strings_copy(from->preload),
        .read_only_paths = (const char *const *)strings_copy(from->read_only_paths),
        .environment = (const char *const *)strings_copy(from->environment),
        .network = from->network,
        .workers_warm = from->workers_warm,
        .isolation = from->isolation,
    };
    return to->name && to->preload && to->read_only_paths && to->environment ? 0 : -1;
}

void profiles_free(struct viv_profile *profiles, size_t count)
{
    for (size_t i = 0; profiles && i < count; i++) {
        free((char *)profiles[i].name);
        strings_free((char **)profiles[i].preload);
        strings_free((char **)profiles[i].read_only_paths);
        strings_free((char **)profiles[i].environment);
    }
    free(profiles);
}

static int copy_all(const struct viv_config *config, struct viv_profile *to)
{
    const struct viv_profile first = {
        .name = DEFAULT, .preload = config->preload, .workers_warm = config->workers_warm};
    size_t at = 1;

    if (!has_default(config) && copy(&first, &to[0]) < 0)
        return -1;
    for (size_t i = 0; i < config->profile_count; i++) {
        const struct viv_profile *p = &config->profiles[i];
        bool is_default = strcmp(p->name, DEFAULT) == 0;

        if (copy(p, &to[is_default ? 0 : at++]) < 0)
            return -1;
    }
    return 0;
}

int profiles_new(const struct viv_config *config, struct viv_profile **ret_profiles,
                 size_t *ret_count, struct viv_error *err)
{
    size_t count = config->profile_count + (has_default(config) ? 0 : 1);
    struct viv_profile *profiles;

    if (profiles_check(config, err) < 0)
        return -1;
    profiles = calloc(count, sizeof(*profiles));
    if (!profiles || copy_all(config, profiles) < 0) {
        profiles_free(profiles, count);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %zu profiles", count);
    }
    *ret_profiles = profiles;
    *ret_count = count;
    return 0;
}

/* --- who may use which ---------------------------------------------------------------- */

bool profile_allowed(const struct viv_tenant_config *rules, const char *profile)
{
    if (!rules->profiles)
        return strcmp(profile, DEFAULT) == 0;
    for (const char *const *p = rules->profiles; *p; p++)
        if (strcmp(*p, profile) == 0)
            return true;
    return false;
}

bool profile_has_exec(const struct viv_profile *profile, const struct viv_tenant_config *rules)
{
    return profile->isolation == VIV_ISOLATION_EXEC || rules->isolation == VIV_ISOLATION_EXEC;
}

static int fail_denied(const struct viv_profile *profiles, size_t count,
                       const struct viv_tenant_config *rules, const char *profile,
                       struct viv_error *err)
{
    char allowed[300] = "none";
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        if (profile_allowed(rules, profiles[i].name) && len + VIV_PROFILE_MAX + 3 < sizeof(allowed))
            len += (size_t)snprintf(allowed + len, sizeof(allowed) - len, "%s%s",
                                    len > 0 ? ", " : "", profiles[i].name);
    return viv_fail(
        err, VIV_PERMISSION_DENIED,
        "worker_profile: there is none named '%.64s' that this tenant may use; it may use: %s",
        profile, allowed);
}

int profile_resolve(const struct viv_profile *profiles, size_t count,
                    const struct viv_tenant_config *rules, const char *profile, size_t *ret_index,
                    struct viv_error *err)
{
    const char *name = profile && *profile ? profile : DEFAULT;

    for (size_t i = 0; i < count && profile_allowed(rules, name); i++)
        if (strcmp(profiles[i].name, name) == 0) {
            *ret_index = i;
            return 0;
        }
    return fail_denied(profiles, count, rules, name, err);
}

static bool is_there(const struct viv_profile *profiles, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return true;
    return false;
}

int profiles_check_tenants(const struct viv_profile *profiles, size_t count,
                           const struct viv_tenant_config *tenants, size_t tenant_count,
                           struct viv_error *err)
{
    for (size_t i = 0; i < tenant_count; i++)
        for (const char *const *p = tenants[i].profiles; p && *p; p++)
            if (!is_there(profiles, count, *p))
                return viv_fail(err, VIV_INVALID_ARGUMENT,
                                "tenant %.64s: there is no profile %.64s; new ones are there after "
                                "a restart",
                                tenants[i].tenant, *p);
    return 0;
}
