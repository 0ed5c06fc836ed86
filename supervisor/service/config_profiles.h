/* Profiles in the configuration file. */
#ifndef VIVARIUM_SERVICE_CONFIG_PROFILES_H
#define VIVARIUM_SERVICE_CONFIG_PROFILES_H

#include "supervisor/service/config_yaml.h"
#include "supervisor/vivarium.h"

/* Those of the file, each by itself; the caller frees the array and `lists` by
 * config_profiles_free(). All NULL and 0 where there are none. */
struct config_profiles {
    struct viv_profile *all;
    size_t count;
    const char *const **tenants; /* what each tenant of the file may use; NULL: nothing is said */
    const char **lists;          /* the memory of all lists */
};

int config_profiles_read(const struct config_yaml *yaml, struct config_profiles *ret_profiles,
                         struct viv_error *err);
void config_profiles_free(struct config_profiles *profiles);

/* Whether tenant number `index` names what is there. `base` has the profiles. */
int config_profiles_check_tenant(const struct config_yaml *yaml, const struct viv_config *base,
                                 unsigned index, struct viv_error *err);

#endif
