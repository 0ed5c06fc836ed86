/* One input of the REPL, run and shown. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/line.h"
#include "client/viv/output.h"
#include "client/viv/repl.h"
#include "client/viv/report.h"

bool viv_repl_let_end(struct viv_repl *repl, bool now)
{
    int signal = now && !repl->interactive ? viv_interrupt_take() : 0;

    if (signal) {
        repl->status = 128 + signal;
        repl->over = true;
        return false;
    }
    if (!repl->interactive)
        viv_interrupt_let_end(now);
    return true;
}

void viv_repl_failed(struct viv_repl *repl, const struct viv_error *error)
{
    viv_report_error(viv_client_target(repl->client), error);
    repl->status = viv_exit_status_of_error(error->status);
    /* of a session, not found is final */
    if (error->status == VIV_NOT_FOUND || !repl->interactive)
        repl->over = true;
}

/* What became of the variables, where somebody may ask. */
static const char *fate_of(const struct viv_client_response *r)
{
    bool killed = r->receipt && r->receipt->delivery == VIV_CLIENT_DELIVERY_KILLED;

    if (killed || r->outcome == VIV_CLIENT_WORKER_DIED)
        return "the session goes on from its last snapshot";
    return "the variables are kept";
}

static void show_end(struct viv_repl *repl, const struct viv_client_response *r, int signal)
{
    char line[VIV_REPORT_MAX];

    viv_report_end(r, signal != 0, line);
    if (*line)
        fprintf(stderr, "viv: %s; %s\n", line, fate_of(r));
    viv_show_scope(r);
}

static void show(struct viv_repl *repl, const struct viv_client_response *r, int signal)
{
    /* the value and the prompt begin their own lines; the terminal shows ^C */
    if (repl->interactive && (repl->show.mid_line || signal))
        viv_show_output(&repl->show, VIV_CLIENT_STDOUT, "\n", 1);
    viv_show_response(&repl->show, r, true);
    show_end(repl, r, signal);
}

static void take_status(struct viv_repl *repl, const struct viv_client_response *r, int signal)
{
    int status = viv_exit_status_of(r, signal);

    repl->status = repl->interactive && r->exit_status < 0 ? 0 : status;
    if (r->exit_status >= 0 || (status && !repl->interactive))
        repl->over = true;
}

static void conclude(struct viv_repl *repl, struct viv_client_response *response, int signal,
                     const struct viv_error *error)
{
    if (response) {
        show(repl, response, signal);
        take_status(repl, response, signal);
        viv_client_response_free(response);
    } else if (!repl->show.write_errno) {
        viv_repl_failed(repl, error);
    }
    if (signal && signal != SIGINT) {
        repl->status = 128 + signal;
        repl->over = true;
    }
    if (repl->show.write_errno)
        repl->over = true;
}

void viv_repl_run(struct viv_repl *repl, const char *code)
{
    char id[VIV_COMMAND_ID_SIZE];
    char filename[32];
    struct viv_client_request request = {.execution_id = id,
                                         .code = code,
                                         .filename = filename,
                                         .session_id = repl->session_id,
                                         .limits = repl->options->limits};
    struct viv_client_events events = {.output = viv_show_output};
    struct viv_client_response *response = NULL;
    struct viv_error err;
    int signal;

    viv_command_make_id(id);
    snprintf(filename, sizeof(filename), "<input-%u>", ++repl->inputs);
    repl->show.mid_line = false;
    if (viv_interrupt_start(repl->client, id, &err)) {
        viv_repl_failed(repl, &err);
        return;
    }
    viv_line_let_stop(true);
    viv_client_execute_stream(repl->client, &request, &events, &repl->show, &response, &err);
    viv_line_let_stop(false);
    signal = viv_interrupt_stop();
    if (viv_repl_let_end(repl, true))
        conclude(repl, response, signal, &err);
    else
        viv_client_response_free(response);
    viv_repl_let_end(repl, false);
}
