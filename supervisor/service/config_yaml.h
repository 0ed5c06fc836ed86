/* From YAML's text to config_schema.h's structs. */
#ifndef VIVARIUM_SERVICE_CONFIG_YAML_H
#define VIVARIUM_SERVICE_CONFIG_YAML_H

#include <stddef.h>

#include "supervisor/service/config_schema.h"
#include "supervisor/service/config_where.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

struct config_yaml {
    struct yaml_config *values; /* NULL: the document is empty */
    struct where *where;
    char name[256]; /* of the file, for errors */
};

/* The caller ends it with config_yaml_free(). Errors: VIV_INVALID_ARGUMENT,
 * "NAME:LINE:COLUMN: what is wrong". */
int config_yaml_parse(const char *name, const char *text, size_t len, struct config_yaml *ret_yaml,
                      struct viv_error *err);
void config_yaml_free(struct config_yaml *yaml);

/* Puts the place of the value at `path` before the text of `err`. Returns -1. */
int config_yaml_at(const struct config_yaml *yaml, const char *path, struct viv_error *err);

#endif
