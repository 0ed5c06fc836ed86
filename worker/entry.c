#include "worker/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/layer.h"
#include "worker/vm/cpython/cpython.h"
#include "worker/zygote.h"

#define VERSION "0.1.0"
#define USAGE_ERROR 2

static int usage(FILE *to)
{
    fputs("usage: vivarium-worker --zygote [--preload MODULE]... [--allow-absent LAYER]...\n"
          "                                [--read-only-path PATH]... [--network host]\n"
          "                                [--answer-max BYTES]\n"
          "       vivarium-worker --version\n"
          "\n"
          "A supervisor starts it with a SOCK_SEQPACKET socket as descriptor 3. A layer of\n"
          "the jail that can't be had ends it, unless that one may be absent. Workers see\n"
          "each PATH, and with --network host the network that it is started in. What of an\n"
          "answer is above BYTES is left out.\n"
          "For tests: --without LAYER leaves one out, with all that depends on it.\n",
          to);
    return to == stdout ? EXIT_SUCCESS : USAGE_ERROR;
}

static int add_layer(const char *name, uint64_t *layers)
{
    int layer = viv_layer_named(name);

    if (layer < 0) {
        fprintf(stderr, "vivarium-worker: there is no layer %s\n", name);
        return -1;
    }
    *layers |= VIV_LAYER_BIT(layer);
    return 0;
}

static int set_bytes(const char *text, size_t *ret_bytes)
{
    char *end;

    *ret_bytes = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' ? 0 : -1;
}

/* Both lists have room for all. */
static int parse(int argc, char **argv, const char **modules, const char **paths,
                 struct viv_zygote_config *config)
{
    config->preload = modules;
    config->read_only_paths = paths;
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *option = argv[i], *value = argv[i + 1];

        if (strcmp(option, "--preload") == 0)
            *modules++ = value;
        else if (strcmp(option, "--read-only-path") == 0)
            *paths++ = value;
        else if (strcmp(option, "--network") == 0 && strcmp(value, "host") == 0)
            config->network = true;
        else if (strcmp(option, "--answer-max") == 0) {
            if (set_bytes(value, &config->answer_max) < 0)
                return -1;
        } else if (strcmp(option, "--allow-absent") == 0 || strcmp(option, "--without") == 0) {
            if (add_layer(value, option[2] == 'a' ? &config->allowed : &config->without) < 0)
                return -1;
        } else
            return -1;
    }
    return argc % 2 == 0 ? 0 : -1;
}

static int run_zygote(int argc, char **argv)
{
    const char **modules = calloc((size_t)argc, sizeof(*modules));
    const char **paths = calloc((size_t)argc, sizeof(*paths));
    struct viv_zygote_config config = {0};
    int type = 0, rc = USAGE_ERROR;
    socklen_t len = sizeof(type);

    if (!modules || !paths || parse(argc, argv, modules, paths, &config) < 0)
        usage(stderr);
    else if (getsockopt(VIV_ZYGOTE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
             type != SOCK_SEQPACKET)
        fputs("vivarium-worker: descriptor 3 is not a SOCK_SEQPACKET socket\n", stderr);
    else
        rc = viv_zygote_run(&viv_cpython_ops, &config);
    free(paths);
    free(modules);
    return rc;
}

int viv_worker_main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--zygote") == 0)
        return run_zygote(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("vivarium-worker " VERSION);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    return usage(stderr);
}
