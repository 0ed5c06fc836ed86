/* Profiles: which images of workers there are, and who may use them. Pure but
 * for memory. */
#ifndef VIVARIUM_PROFILE_H
#define VIVARIUM_PROFILE_H

#include "supervisor/vivarium.h"

/* Of one profile; what the zygote's arguments have room for. */
#define PROFILE_MODULES_MAX 256
#define PROFILE_PATHS_MAX 128
#define PROFILE_ENVIRONMENT_MAX 64

/* Those of the configuration: VIV_INVALID_ARGUMENT names the profile. */
int profiles_check(const struct viv_config *config, struct viv_error *err);

/* All that there are, the default one first. The caller ends them with
 * profiles_free(). Errors: as profiles_check(), VIV_RESOURCE_EXHAUSTED. */
int profiles_new(const struct viv_config *config, struct viv_profile **ret_profiles,
                 size_t *ret_count, struct viv_error *err);
/* NULL is fine. */
void profiles_free(struct viv_profile *profiles, size_t count);

/* Whether a tenant may use it. */
bool profile_allowed(const struct viv_tenant_config *rules, const char *profile);

/* Whether its workers for a tenant share their zygotes with no others. */
bool profile_has_exec(const struct viv_profile *profile, const struct viv_tenant_config *rules);

/* What comes of a request that names `profile` (NULL or "": the default one):
 * *ret_index. VIV_PERMISSION_DENIED names those that the tenant may use, so that
 * nobody learns of others. */
int profile_resolve(const struct viv_profile *profiles, size_t count,
                    const struct viv_tenant_config *rules, const char *profile, size_t *ret_index,
                    struct viv_error *err);

/* Whether all profiles that tenants may use are there. VIV_INVALID_ARGUMENT. */
int profiles_check_tenants(const struct viv_profile *profiles, size_t count,
                           const struct viv_tenant_config *tenants, size_t tenant_count,
                           struct viv_error *err);

/* Lists of strings, NULL-terminated or NULL; the copy is never NULL but where
 * there is no memory. */
char **strings_copy(const char *const *strings);
void strings_free(char **strings);

#endif
