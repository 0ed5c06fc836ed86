/* viv: the command line client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/json.h"
#include "client/viv/line.h"
#include "client/viv/output.h"
#include "client/viv/report.h"
#include "client/viv/top/top.h"

bool viv_command_print_json(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_ENCODE_ANY) : NULL;
    bool printed = text && viv_output_write(STDOUT_FILENO, text, strlen(text)) &&
                   viv_output_write(STDOUT_FILENO, "\n", 1);

    if (!text)
        errno = ENOMEM;
    free(text);
    json_decref(object);
    return printed;
}

void viv_command_make_id(char id[VIV_COMMAND_ID_SIZE])
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)getpid();
    snprintf(id, VIV_COMMAND_ID_SIZE, "viv-%016llx", (unsigned long long)random);
}

int viv_command_failed(struct viv_client *client, const struct viv_options *options,
                       const struct viv_error *error)
{
    viv_report_error(viv_client_target(client), error);
    if (options->json)
        viv_command_print_json(viv_json_failure(error));
    return viv_exit_status_of_error(error->status);
}

static int run_command(struct viv_client *client, const struct viv_options *options)
{
    switch (options->command) {
    case VIV_COMMAND_RUN:
    case VIV_COMMAND_PROFILE:
    case VIV_COMMAND_TRACE:
        return viv_command_run(client, options);
    case VIV_COMMAND_TOP:
        return viv_command_top(client, options);
    case VIV_COMMAND_CANCEL:
        return viv_command_cancel(client, options);
    case VIV_COMMAND_PS:
        return viv_command_ps(client, options);
    case VIV_COMMAND_REPL:
        return viv_command_repl(client, options);
    case VIV_COMMAND_SESSION:
        return viv_command_session(client, options);
    default:
        return viv_command_describe(client, options);
    }
}

static bool is_run(enum viv_command command)
{
    return command == VIV_COMMAND_RUN || command == VIV_COMMAND_PROFILE ||
           command == VIV_COMMAND_TRACE;
}

static int with_client(const struct viv_options *options)
{
    struct viv_client_options client_options = {.tenant = options->tenant,
                                                .token_file = options->token_file,
                                                .tls_ca = options->tls_ca,
                                                .tls_cert = options->tls_cert,
                                                .tls_key = options->tls_key};
    struct viv_client *client;
    struct viv_error err;
    int status;

    /* what gRPC logs of a broken connection, the error says better */
    setenv("GRPC_VERBOSITY", "NONE", 0);
    if (is_run(options->command) || options->command == VIV_COMMAND_REPL)
        viv_interrupt_block();
    if (options->command == VIV_COMMAND_TOP)
        viv_top_block(options);
    if (options->command == VIV_COMMAND_REPL)
        viv_line_block();
    if (viv_client_open(options->target, &client_options, &client, &err)) {
        fprintf(stderr, "viv: %s\n", err.text);
        return VIV_EXIT_USAGE;
    }
    status = run_command(client, options);
    viv_interrupt_let_end(true);
    viv_client_close(client);
    return fflush(stdout) ? VIV_EXIT_RAISED : status;
}

int main(int argc, char **argv)
{
    struct viv_options options;
    struct viv_error err;

    if (viv_options_parse(argc, argv, &options, &err)) {
        fprintf(stderr, "viv: %s\n", err.text);
        return VIV_EXIT_USAGE;
    }
    if (options.command == VIV_COMMAND_HELP)
        return viv_command_help(options.topic);
    if (options.command == VIV_COMMAND_VERSION) {
        puts("viv " VIV_CLIENT_VERSION_TEXT);
        return 0;
    }
    if (options.command == VIV_COMMAND_SCOPE)
        return viv_command_scope(&options);
    if (options.command == VIV_COMMAND_COMPLETION)
        return viv_command_completion(&options);
    if (options.command == VIV_COMMAND_DOCTOR)
        return viv_command_doctor(&options);
    return with_client(&options);
}
