/* viv run, viv profile and viv trace */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/json.h"
#include "client/viv/output.h"
#include "client/viv/profile/save.h"
#include "client/viv/report.h"
#include "client/viv/scope_file.h"
#include "client/viv/show.h"
#include "client/viv/spinner.h"

/* What is run, and what its output met. */
struct run {
    const struct viv_options *options;
    struct viv_client *client;
    struct viv_client_request request;
    char id[VIV_COMMAND_ID_SIZE];
    char *code;  /* read from a file */
    char *input; /* what the code reads */
    struct viv_scope *scope;
    struct viv_show show;
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

static int load_scope(struct run *run, struct viv_error *err)
{
    if (!run->options->scope_in)
        return 0;
    if (viv_scope_file_read(run->options->scope_in, &run->scope, err))
        return -1;
    run->request.scope = run->scope;
    return 0;
}

#define TRACE_LINES 10000

static void ask_to_observe(struct run *run)
{
    const struct viv_options *o = run->options;

    if (o->command == VIV_COMMAND_PROFILE)
        run->request.profile_interval_ns = o->interval_ns ? o->interval_ns
                                                          : VIV_CLIENT_PROFILE_DEFAULT;
    if (o->command == VIV_COMMAND_TRACE)
        run->request.trace_lines = o->lines ? o->lines : TRACE_LINES;
    run->request.trace_libraries = o->libraries;
}

static int prepare(struct run *run, struct viv_error *err)
{
    run->request.limits = run->options->limits;
    viv_command_make_id(run->id);
    run->request.execution_id = run->options->id ? run->options->id : run->id;
    run->request.priority = run->options->priority;
    run->request.session_id = run->options->session;
    run->request.worker_profile = run->options->worker_profile;
    run->request.return_scope = run->options->scope_out != NULL;
    ask_to_observe(run);
    return load_code(run, err) || load_input(run, err) || load_scope(run, err) ? -1 : 0;
}

/* ---- the end ---- */

static void show_end(struct run *run, const struct viv_client_response *r, int signal)
{
    char line[VIV_REPORT_MAX];

    viv_show_response(&run->show, r, run->options->live);
    viv_report_end(r, signal != 0, line);
    if (*line)
        viv_show_line(line);
    viv_show_scope(r);
}

/* An execution that left no scope leaves the file as it was. */
static int save_scope(const struct viv_options *options, const struct viv_client_response *r,
                      int status)
{
    struct viv_error err;

    if (!options->scope_out)
        return status;
    if (!r->scope)
        viv_fail(&err, VIV_UNKNOWN, "no scope came back: %.200s was not written",
                 options->scope_out);
    else if (!viv_scope_file_write(options->scope_out, r->scope, &err))
        return status;
    viv_show_line(err.text);
    return status ? status : EX_IOERR;
}

/* Where it can't be had, the code's own status comes first. */
static int save_observed(const struct run *run, const struct viv_client_response *r, int status)
{
    const struct viv_client_request *request = &run->request;
    const struct viv_options *o = run->options;
    struct viv_error err = {.text = ""};

    if (request->profile_interval_ns && !r->profile)
        viv_fail(&err, VIV_UNKNOWN, "no profile came back");
    else if (request->trace_lines && !r->trace)
        viv_fail(&err, VIV_UNKNOWN, "no trace came back");
    else if (o->json && !o->out)
        return status;
    else if ((!r->profile || !viv_profile_save(r->profile, o->out ? o->out : "profile",
                                               request->filename, &err)) &&
             (!r->trace ||
              !viv_profile_save_trace(r->trace, o->out, request->filename, request->code, &err)))
        return status;
    viv_show_line(err.text);
    return status ? status : EX_IOERR;
}

static int conclude(struct run *run, struct viv_client_response *response, int signal,
                    const struct viv_error *err)
{
    int status;

    if (response) {
        status = viv_exit_status_of(response, signal);
        if (!run->options->json)
            show_end(run, response, signal);
        else if (!viv_command_print_json(viv_json_response(response)))
            run->show.write_errno = errno;
        status = save_observed(run, response, status);
        status = save_scope(run->options, response, status);
        viv_client_response_free(response);
    } else if (!run->show.write_errno) {
        status = viv_command_failed(run->client, run->options, err);
    }
    return run->show.write_errno ? viv_show_failed(run->show.write_errno) : status;
}

static int execute(struct run *run)
{
    struct viv_client_events events = {.output = viv_show_output};
    struct viv_client_response *response = NULL;
    struct viv_error err;
    int signal;

    viv_interrupt_let_end(false);
    if (viv_interrupt_start(run->client, run->request.execution_id, &err))
        return viv_command_failed(run->client, run->options, &err);
    viv_spinner_start(run->client, run->request.execution_id);
    viv_client_execute_stream(run->client, &run->request, run->options->live ? &events : NULL,
                              &run->show, &response, &err);
    viv_spinner_stop();
    signal = viv_interrupt_stop();
    viv_interrupt_let_end(true);
    return conclude(run, response, signal, &err);
}

int viv_command_run(struct viv_client *client, const struct viv_options *options)
{
    struct run run = {.options = options, .client = client};
    struct viv_error err;
    int status;

    viv_interrupt_let_end(true);
    if (prepare(&run, &err)) {
        viv_report_error(viv_client_target(client), &err);
        status = VIV_EXIT_USAGE; /* as python3 does for a file that it can't open */
    } else {
        status = execute(&run);
    }
    free(run.code);
    free(run.input);
    viv_scope_free(run.scope);
    return status;
}
