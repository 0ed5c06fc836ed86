/* Limits of executions in the configuration file. */
#ifndef VIVARIUM_SERVICE_CONFIG_LIMITS_H
#define VIVARIUM_SERVICE_CONFIG_LIMITS_H

#include "supervisor/service/config_yaml.h"
#include "supervisor/vivarium.h"

/* Puts those that are given over *limits. `path`: of their mapping. */
int config_limits_read(const struct config_yaml *yaml, const char *path,
                       const struct yaml_limits *given, struct viv_limits *limits,
                       struct viv_error *err);

/* Lowers defaults that are above a ceiling, but for those that are `given`:
 * these contradict it, which is an error that somebody else finds. */
void config_limits_clip(const struct yaml_limits *given, const struct viv_limits *ceilings,
                        struct viv_limits *defaults);

#endif
