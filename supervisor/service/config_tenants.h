/* Tenants in the configuration file. */
#ifndef VIVARIUM_SERVICE_CONFIG_TENANTS_H
#define VIVARIUM_SERVICE_CONFIG_TENANTS_H

#include "supervisor/service/config.h"
#include "supervisor/service/config_yaml.h"

/* As config_tenants(). */
int config_tenants_read(const struct config_yaml *yaml, const struct viv_config *base,
                        struct viv_tenant_config **ret_tenants, size_t *ret_count,
                        struct viv_error *err);

/* Puts the limits of tenant number `index` over those that are there. */
int config_tenants_limits(const struct config_yaml *yaml, unsigned index,
                          struct viv_limits *defaults, struct viv_limits *ceilings,
                          struct viv_error *err);

/* The credentials of all; the caller frees the array alone. */
int config_tenants_credentials(const struct config_yaml *yaml,
                               struct config_credential **ret_credentials, size_t *ret_count,
                               struct viv_error *err);

#endif
