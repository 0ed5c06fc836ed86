/* vivariumd's command line. */
#ifndef VIVARIUM_SERVICE_OPTIONS_H
#define VIVARIUM_SERVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/log.h"
#include "supervisor/vivarium.h"

#define OPTIONS_LISTEN_MAX 16
#define OPTIONS_PRELOAD_MAX 128
#define OPTIONS_KEYS_MAX 8
#define OPTIONS_STORE_MAX 4096

enum options_action { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
    enum options_action action;
    /* NULL-terminated; these and the strings in `config` point into argv. */
    const char *listen[OPTIONS_LISTEN_MAX + 1];
    const char *preload[OPTIONS_PRELOAD_MAX + 1];
    const char *old_keys[OPTIONS_KEYS_MAX + 1];
    bool insecure_tcp;
    /* Where --store is a path: its URL, and the key's file where none was named;
     * "": as config.sessions has them. */
    char store_url[OPTIONS_STORE_MAX], store_key[OPTIONS_STORE_MAX];
    /* As the library's default but for what was given; its `preload`, and of its
     * `sessions` store_old_key_paths, are to be set to the arrays above. */
    struct viv_config config;
    int64_t drain_grace_ns;
    int max_message;
    int max_streams;
    int max_connections;
    int ready_fd; /* -1: none */
    enum log_level log_level;
};

/* Errors: VIV_INVALID_ARGUMENT with one line that names the flag. */
int options_parse(int argc, char *const *argv, struct options *ret_options, struct viv_error *err);

/* What --help prints. Static. */
const char *options_help(void);

#endif
