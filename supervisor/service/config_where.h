/* Where in the text of a YAML document something stands; libcyaml tells that
 * only of its own complaints. */
#ifndef VIVARIUM_SERVICE_CONFIG_WHERE_H
#define VIVARIUM_SERVICE_CONFIG_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

struct where;

struct position {
    unsigned line, column; /* from 1 */
};

/* Reads one document, or none. The caller ends it with where_close(). Errors:
 * VIV_INVALID_ARGUMENT for what is no YAML or more than one document, with
 * *ret_wrong set to the place. */
int where_open(const char *text, size_t len, struct where **ret_where, struct position *ret_wrong,
               struct viv_error *err);

/* NULL is fine. */
void where_close(struct where *where);

/* Whether the document says nothing. */
bool where_nothing(const struct where *where);

/* Of the value at a path such as "tenants[2].defaults.pids", entries counted
 * from 0; of as much of the path as there is. */
struct position where_value(const struct where *where, const char *path);

/* Of a key in the mapping at `path`; the last one where it is there twice. */
struct position where_key(const struct where *where, const char *path, const char *key);

#endif
