/* The configuration file: deploy/vivariumd.yaml says what may be in it. */
#ifndef VIVARIUM_SERVICE_CONFIG_H
#define VIVARIUM_SERVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/vivarium.h"

struct config;

/* Reads a file. The caller ends it with config_free(); what the functions below
 * return lives as long. Errors: VIV_INVALID_ARGUMENT, mostly
 * "FILE:LINE:COLUMN: what is wrong". */
int config_load(const char *path, struct config **ret_config, struct viv_error *err);

/* The same of a text in memory. */
int config_parse(const char *name, const char *text, size_t len, struct config **ret_config,
                 struct viv_error *err);

/* NULL is fine. */
void config_free(struct config *config);

struct config_setter {
    int (*set)(void *arg, const char *key, const char *value, struct viv_error *err);
    void *arg;
};

/* Hands over each single value at the top of the file, and each of the lists of
 * such, by the names of their keys. An error of the setter's gets the place. */
int config_each(const struct config *config, const struct config_setter *setter,
                struct viv_error *err);

/* The names of the single values and lists at the top that `after` says differently,
 * between spaces; `except` is not told. From one thread. */
void config_changes(const struct config *before, const struct config *after, const char *except,
                    char *ret_keys, size_t size);

/* Puts the file's limits over those of `library`. */
int config_limits(const struct config *config, struct viv_config *library, struct viv_error *err);

/* Puts the place of what stands at `path`, "listen[1]", before the text of `err`.
 * Returns -1. */
int config_at(const struct config *config, const char *path, struct viv_error *err);

enum config_credential_kind {
    CONFIG_UID = 2,
    CONFIG_TOKEN = 4,
    CONFIG_CERTIFICATE = 8,
};

struct config_credential {
    enum config_credential_kind kind;
    const char *tenant;
    /* The decimal number; the hash; "URI:...", "DNS:..." or "CN:...". */
    const char *value;
    int64_t expires_s; /* of a token; 0: never */
};

const struct config_credential *config_credentials(const struct config *config, size_t *ret_count);

/* Puts the file's profiles into *library. */
void config_profiles(const struct config *config, struct viv_config *library);

/* viv_config_check(), with the place of the profile that is wrong. */
int config_profiles_check(const struct config *config, const struct viv_config *library,
                          struct viv_error *err);

/* The table for viv_supervisor_set_tenants(), over what `base` says, whose profiles are
 * those that they may name; the caller frees the array alone. Without `tenants` in the file: one entry, "default". */
int config_tenants(const struct config *config, const struct viv_config *base,
                   struct viv_tenant_config **ret_tenants, size_t *ret_count,
                   struct viv_error *err);

#endif
