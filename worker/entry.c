#include "worker/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/zygote.h"
#include "worker/vm/cpython/cpython.h"
#include "worker/zygote.h"

#define VERSION "0.1.0"
#define USAGE_ERROR 2

static int usage(FILE *to)
{
    fputs("usage: vivarium-worker --zygote [--preload MODULE]...\n"
          "       vivarium-worker --version\n"
          "\n"
          "A supervisor starts it with a SOCK_SEQPACKET socket as descriptor 3.\n",
          to);
    return to == stdout ? EXIT_SUCCESS : USAGE_ERROR;
}

/* The modules of every --preload; NULL where the arguments are wrong. */
static const char **parse_preload(int argc, char **argv)
{
    const char **modules = calloc((size_t)argc, sizeof(*modules));
    size_t count = 0;

    if (!modules)
        return NULL;
    for (int i = 2; i < argc; i += 2) {
        if (strcmp(argv[i], "--preload") != 0 || i + 1 == argc) {
            free(modules);
            return NULL;
        }
        modules[count++] = argv[i + 1];
    }
    return modules;
}

static int run_zygote(int argc, char **argv)
{
    const char **preload = parse_preload(argc, argv);
    int type = 0, rc;
    socklen_t len = sizeof(type);

    if (!preload)
        return usage(stderr);
    if (getsockopt(VIV_ZYGOTE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET) {
        fputs("vivarium-worker: descriptor 3 is not a SOCK_SEQPACKET socket\n", stderr);
        free(preload);
        return USAGE_ERROR;
    }
    rc = viv_zygote_run(&viv_cpython_ops, preload);
    free(preload);
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
