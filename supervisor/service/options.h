/* What vivariumd is told: by its configuration file, the environment and, above
 * both, its command line. */
#ifndef VIVARIUM_SERVICE_OPTIONS_H
#define VIVARIUM_SERVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/config.h"
#include "supervisor/service/log.h"
#include "supervisor/vivarium.h"

#define OPTIONS_LISTEN_MAX 16
#define OPTIONS_PRELOAD_MAX 128
#define OPTIONS_KEYS_MAX 8
#define OPTIONS_STORE_MAX 4096
#define OPTIONS_COPIES_MAX 4

/* Of those that flags name; a file may have more. */
#define OPTIONS_CREDENTIALS_MAX OPTIONS_PRELOAD_MAX

enum options_action {
    OPTIONS_SERVE,
    OPTIONS_CHECK,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_HASH_TOKEN
};

enum options_source { OPTIONS_DEFAULT, OPTIONS_FILE, OPTIONS_ENVIRONMENT, OPTIONS_FLAGS };

struct options_list {
    const char *words[OPTIONS_PRELOAD_MAX + 1]; /* NULL-terminated */
    size_t count;
    enum options_source source; /* of all of them */
};

struct options {
    enum options_action action;
    int argc;
    char *const *argv;
    const char *config_path; /* NULL: no file */
    struct config *file;     /* NULL: no file; owned */
    /* Of the file; NULL: none, the library's default stands. Owned. */
    struct viv_tenant_config *tenants;
    size_t tenant_count;

    /* These and the strings in `config` point into argv, the environment's
     * copies or the file. */
    struct options_list listen, preload, old_keys;
    char *copies[OPTIONS_COPIES_MAX];
    size_t copy_count;
    enum options_source source;        /* while they are read */
    enum options_source absent_source; /* of config.allow_absent */
    bool insecure_tcp;
    /* NULL where not given, as all that follow. */
    const char *tls_cert, *tls_key, *tls_client_ca;
    const char *token_file;
    struct options_list uid_tenant, cert_tenant; /* "UID=TENANT", "NAME=TENANT" */
    const char *metrics;
    const char *audit;
    bool audit_required;
    /* Where --store is a path: its URL, and the key's file where none was named;
     * "": as config.sessions has them. */
    char store_url[OPTIONS_STORE_MAX], store_key[OPTIONS_STORE_MAX];
    /* As the library's default but for what was given; its `preload`, and of its
     * `sessions` store_old_key_paths, are to be set to the arrays above. */
    struct viv_config config;
    int64_t drain_grace_ns;
    int64_t request_timeout_ns; /* 0: none */
    int max_message;
    uint64_t answer_bytes_total;
    int max_streams;
    int max_connections;
    int ready_fd; /* -1: none */
    enum log_level log_level;
};

/* Reads all of it; may be called again, for a file that has changed. The caller
 * ends it with options_free(). Errors: VIV_INVALID_ARGUMENT with one line that
 * names the flag, the variable or the place in the file. */
int options_parse(int argc, char *const *argv, struct options *ret_options, struct viv_error *err);

void options_free(struct options *options);

/* What --help prints. Static. */
const char *options_help(void);

#endif
