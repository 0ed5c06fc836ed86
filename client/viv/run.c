/* viv run */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/json.h"
#include "client/viv/output.h"
#include "client/viv/report.h"

#define ID_SIZE 64

/* What is run, and what its output met. */
struct run {
    const struct viv_options *options;
    struct viv_client *client;
    struct viv_client_request request;
    char id[ID_SIZE];
    char *code;      /* read from a file */
    char *input;     /* what the code reads */
    int write_errno; /* of our own standard output; 0: fine */
};

/* ---- what is to run ---- */

static int load_code(struct run *run, struct viv_error *err)
{
    const struct viv_options *o = run->options;
    const char *path = o->file ? o->file : "-";
    size_t len;

    run->request.code = o->code;
    run->request.filename = o->code ? "<string>" : o->file ? o->file : "<stdin>";
    if (o->code)
        return 0;
    if (!o->file && isatty(STDIN_FILENO))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "run: nothing to run: -c CODE, FILE, or code on standard input");
    if (viv_output_read_all(path, &run->code, &len, err))
        return -1;
    if (strlen(run->code) != len)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "run: %s holds a NUL byte: it is no Python",
                        run->request.filename);
    run->request.code = run->code;
    return 0;
}

static int load_input(struct run *run, struct viv_error *err)
{
    if (!run->options->input)
        return 0;
    if (viv_output_read_all(run->options->input, &run->input, &run->request.stdin_len, err))
        return -1;
    run->request.stdin_data = run->input;
    return 0;
}

/* An id of our own, so that Ctrl-C has a name to cancel before the supervisor
 * has told us one. */
static void choose_id(struct run *run)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)getpid();
    snprintf(run->id, sizeof(run->id), "viv-%016llx", (unsigned long long)random);
    run->request.execution_id = run->options->id ? run->options->id : run->id;
}

static int prepare(struct run *run, struct viv_error *err)
{
    run->request.limits = run->options->limits;
    choose_id(run);
    return load_code(run, err) || load_input(run, err) ? -1 : 0;
}

/* ---- its output ---- */

/* Our stderr may be gone without harm; our stdout is what the user wants. */
static bool show(struct run *run, int fd, const void *data, size_t len)
{
    if (viv_output_write(fd, data, len) || fd == STDERR_FILENO)
        return true;
    run->write_errno = errno;
    return false;
}

static bool on_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    return show(arg, stream == VIV_CLIENT_STDOUT ? STDOUT_FILENO : STDERR_FILENO, data, len);
}

static bool show_text(struct run *run, int fd, const char *text)
{
    return show(run, fd, text, strlen(text));
}

static void say(const char *text)
{
    fprintf(stderr, "viv: %s\n", text);
}

static void show_response(struct run *run, const struct viv_client_response *r, int signal)
{
    char line[VIV_REPORT_MAX];

    if (!run->options->live) {
        show(run, STDOUT_FILENO, r->stdout_data, r->stdout_len);
        show(run, STDERR_FILENO, r->stderr_data, r->stderr_len);
    }
    if (r->result_repr && !run->write_errno)
        (void)(show_text(run, STDOUT_FILENO, r->result_repr) &&
               show_text(run, STDOUT_FILENO, "\n"));
    if (r->exception)
        show_text(run, STDERR_FILENO, r->exception->traceback);
    if (r->stdout_truncated || r->stderr_truncated)
        say("output past the limit was dropped");
    viv_report_end(r, signal != 0, line);
    if (*line)
        say(line);
}

/* ---- the end ---- */

static int end_of_output(int error)
{
    if (error != EPIPE) {
        fprintf(stderr, "viv: can't write the output: %s\n", strerrordesc_np(error));
        return EX_IOERR;
    }
    /* the reader has had enough: end as any filter does */
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    return 128 + SIGPIPE;
}

static int conclude(struct run *run, struct viv_client_response *response, int signal,
                    const struct viv_error *err)
{
    int status;

    if (response) {
        status = viv_exit_status_of(response, signal);
        if (!run->options->json)
            show_response(run, response, signal);
        else if (!viv_command_print_json(viv_json_response(response)))
            run->write_errno = errno;
        viv_client_response_free(response);
    } else if (!run->write_errno) {
        status = viv_command_failed(run->client, run->options, err);
    }
    return run->write_errno ? end_of_output(run->write_errno) : status;
}

static int execute(struct run *run)
{
    struct viv_client_events events = {.output = on_output};
    struct viv_client_response *response = NULL;
    struct viv_error err;
    int signal;

    if (viv_interrupt_start(run->client, run->request.execution_id, &err))
        return viv_command_failed(run->client, run->options, &err);
    viv_client_execute_stream(run->client, &run->request, run->options->live ? &events : NULL, run,
                              &response, &err);
    signal = viv_interrupt_stop();
    return conclude(run, response, signal, &err);
}

int viv_command_run(struct viv_client *client, const struct viv_options *options)
{
    struct run run = {.options = options, .client = client};
    struct viv_error err;
    int status;

    if (prepare(&run, &err)) {
        viv_report_error(viv_client_target(client), &err);
        status = VIV_EXIT_USAGE; /* as python3 does for a file that it can't open */
    } else {
        status = execute(&run);
    }
    free(run.code);
    free(run.input);
    return status;
}
