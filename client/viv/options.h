/* viv's command line. Parsing looks at nothing but the arguments. */
#ifndef VIVARIUM_CLIENT_VIV_OPTIONS_H
#define VIVARIUM_CLIENT_VIV_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/vivarium_client.h"

enum viv_command {
    VIV_COMMAND_NONE,
    VIV_COMMAND_RUN,
    VIV_COMMAND_CANCEL,
    VIV_COMMAND_PS,
    VIV_COMMAND_DESCRIBE,
    VIV_COMMAND_DOCTOR,
    VIV_COMMAND_REPL,
    VIV_COMMAND_SCOPE,
    VIV_COMMAND_SESSION,
    VIV_COMMAND_PROFILE,
    VIV_COMMAND_TRACE,
    VIV_COMMAND_TOP,
    VIV_COMMAND_COMPLETION,
    VIV_COMMAND_HELP,
    VIV_COMMAND_VERSION,
    VIV_COMMANDS
};

/* What viv scope and viv session do. */
enum viv_verb {
    VIV_VERB_NONE,
    VIV_VERB_SHOW,
    VIV_VERB_OPEN,
    VIV_VERB_CLOSE,
    VIV_VERB_LIST,
    VIV_VERB_SAVE,
    VIV_VERB_LOAD,
    VIV_VERBS
};

struct viv_options {
    enum viv_command command;
    const char *target; /* NULL: the library's choice */
    const char *tenant;
    const char *token_file, *tls_ca, *tls_cert, *tls_key; /* paths, or NULL */
    bool json;
    /* run, profile and trace */
    const char *code;      /* of -c */
    const char *file;      /* NULL without -c: standard input; of scope and session: the scope's */
    const char *input;     /* of --stdin: a path, "-" or NULL */
    bool live;             /* output as it is written */
    const char *scope_out; /* a path, or NULL */
    /* run, repl and session open */
    const char *worker_profile;
    /* run and repl */
    const char *session;  /* to run in; of session: which one */
    const char *scope_in; /* a path, or NULL; of session open, too */
    struct viv_client_limits limits;
    enum viv_client_priority priority; /* run */
    /* run, cancel and session open */
    const char *id;
    /* repl and session open */
    int64_t idle_ns;
    bool durable;
    /* repl */
    bool no_durable;
    bool keep;
    /* scope and session */
    enum viv_verb verb;
    /* cancel */
    const char *reason;
    bool force;
    bool wait;
    /* profile and trace */
    const char *out;     /* of profile: of two files, without their ending; NULL: the default */
    int64_t interval_ns; /* 0: the default */
    uint32_t lines;      /* 0: the default */
    bool libraries;
    /* top */
    bool once;
    /* completion */
    const char *shell;
    /* help */
    enum viv_command topic;
};

/* Pointers point into argv, which getopt may reorder. VIV_INVALID_ARGUMENT with
 * one line that says what is wrong. */
int viv_options_parse(int argc, char **argv, struct viv_options *ret_options,
                      struct viv_error *err);

/* For completion and its test. NULL where there is no command of that number; a
 * table ends with an entry of zeros. */
const char *viv_options_command(enum viv_command command);
const struct option *viv_options_table(enum viv_command command);

/* A word that follows this command; NULL where the verb is another's. */
const char *viv_options_verb(enum viv_command command, enum viv_verb verb);

/* "2", "0.5": seconds, more than 0. */
int viv_options_seconds(const char *text, int64_t *ret_ns);

/* "1000", "64k", "512M", "2G": bytes, powers of 1024, more than 0. */
int viv_options_size(const char *text, uint64_t *ret_bytes);

#endif
