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

enum options_action { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
    enum options_action action;
    /* NULL-terminated; these and the strings in `config` point into argv. */
    const char *listen[OPTIONS_LISTEN_MAX + 1];
    const char *preload[OPTIONS_PRELOAD_MAX + 1];
    bool insecure_tcp;
    /* As the library's default but for what was given; its `preload` is to be
     * set to the array above. */
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
