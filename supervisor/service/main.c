/* vivariumd: the supervisor behind gRPC. */
#include <grpc/grpc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "supervisor/service/bound.h"
#include "supervisor/service/daemon.h"
#include "supervisor/service/log.h"
#include "supervisor/service/options.h"
#include "supervisor/service/token.h"
#include "supervisor/service/token_file.h"

#define DESCRIPTORS_MAX 65536

/* With the salt of those that are in the file: few salts make few hashes to
 * compute for a call. */
static int take_salt(const char *path, struct token_hash *ret_hash, bool *ret_found,
                     struct viv_error *err)
{
    struct token_file file;

    if (token_file_read(path, &file, err) < 0)
        return -1;
    *ret_found = file.count > 0 && token_parse(file.entries[0].value, ret_hash, NULL) == 0;
    token_file_release(&file);
    return 0;
}

static int hash_token(const struct options *options, struct viv_error *err)
{
    char token[TOKEN_MAX + 2] = "", text[TOKEN_TEXT_MAX];
    struct token_hash other;
    bool found = false;
    size_t len = fread(token, 1, sizeof(token) - 1, stdin);

    while (len > 0 && (token[len - 1] == '\n' || token[len - 1] == '\r'))
        len--;
    if (options->token_file && take_salt(options->token_file, &other, &found, err) < 0)
        return -1;
    if (token_hash(token, len, found ? other.salt : NULL, text, err) < 0)
        return -1;
    puts(text);
    return 0;
}

/* Before any thread starts, so that all inherit the mask and only wait_signal()
 * sees them. */
static void block_signals(void)
{
    sigset_t set;

    daemon_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* A log whose reader is gone must not end the service. */
    signal(SIGPIPE, SIG_IGN);
}

/* Connections cost a descriptor each, and those of the workers must not be
 * missing when strangers connect. Who may raise it further does so outside. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(const struct options *options)
{
    struct viv_error err;

    log_set_level(options->log_level);
    block_signals();
    raise_descriptor_limit();
    if (daemon_run(options, &err) == 0)
        return 0;
    log_event(LOG_LEVEL_ERROR, "failed", LOG_TEXT("error", err.text));
    return err.status == VIV_INVALID_ARGUMENT ? 2 : 1;
}

static int print_hash(const struct options *options)
{
    struct viv_error err;

    if (hash_token(options, &err) == 0)
        return 0;
    fprintf(stderr, "vivariumd: %s\n", err.text);
    return 2;
}

static int act(const struct options *options)
{
    switch (options->action) {
    case OPTIONS_HELP:
        fputs(options_help(), stdout);
        return 0;
    case OPTIONS_VERSION:
        printf("vivariumd %s (gRPC core %s)\n", VIV_VERSION, grpc_version_string());
        return 0;
    case OPTIONS_HASH_TOKEN:
        return print_hash(options);
    case OPTIONS_CHECK:
        printf("%s: fine\n", options->config_path ? options->config_path : "flags and environment");
        bound_print(options);
        return 0;
    default:
        return serve(options);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct viv_error err;
    int status;

    if (options_parse(argc, argv, &options, &err) < 0) {
        fprintf(stderr, "vivariumd: %s\n", err.text);
        return 2;
    }
    status = act(&options);
    options_free(&options);
    return status;
}
