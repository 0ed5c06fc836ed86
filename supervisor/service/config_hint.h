/* What somebody meant who wrote an unknown key. */
#ifndef VIVARIUM_SERVICE_CONFIG_HINT_H
#define VIVARIUM_SERVICE_CONFIG_HINT_H

#include <stddef.h>

#include "supervisor/service/config_schema.h"

/* Writes "did you mean 'x'?" or which keys the mapping at `path` knows; nothing
 * where the path leads to none. */
void config_hint(const char *path, const char *key, char *ret_hint, size_t size);

#endif
