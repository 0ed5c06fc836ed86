#include "client/viv/show.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/viv/colour.h"
#include "client/viv/output.h"
#include "client/viv/scope_report.h"
#include "client/viv/spinner.h"

/* A terminal's line has not ended: what is ours begins another. */
static bool unfinished;

/* Our stderr may be gone without harm; our stdout is what the user wants. */
static bool show_bytes(struct viv_show *show, int fd, const void *data, size_t len)
{
    bool written;

    if (len) {
        show->mid_line = ((const char *)data)[len - 1] != '\n';
        unfinished = show->mid_line && isatty(fd);
    }
    viv_spinner_pause();
    written = viv_output_write(fd, data, len);
    if (!written && fd != STDERR_FILENO)
        show->write_errno = errno;
    viv_spinner_resume(show->mid_line);
    return written || fd == STDERR_FILENO;
}

bool viv_show_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    return show_bytes(arg, stream == VIV_CLIENT_STDOUT ? STDOUT_FILENO : STDERR_FILENO, data, len);
}

static bool show_text(struct viv_show *show, int fd, const char *text)
{
    return show_bytes(show, fd, text, strlen(text));
}

void viv_show_line(const char *text)
{
    bool colour = viv_colour_wanted(STDERR_FILENO);

    fprintf(stderr, "%s%sviv:%s %s\n", unfinished && isatty(STDERR_FILENO) ? "\n" : "",
            viv_colour(colour, VIV_YELLOW), viv_colour(colour, "0"), text);
    unfinished = false;
}

void viv_show_response(struct viv_show *show, const struct viv_client_response *r, bool live)
{
    if (!live) {
        show_bytes(show, STDOUT_FILENO, r->stdout_data, r->stdout_len);
        show_bytes(show, STDERR_FILENO, r->stderr_data, r->stderr_len);
    }
    if (r->result_repr && !show->write_errno)
        (void)(show_text(show, STDOUT_FILENO, r->result_repr) &&
               show_text(show, STDOUT_FILENO, "\n"));
    if (r->exception)
        show_text(show, STDERR_FILENO, r->exception->traceback);
    if (r->stdout_truncated || r->stderr_truncated)
        viv_show_line("output past the limit was dropped");
}

void viv_show_scope(const struct viv_client_response *r)
{
    char line[VIV_REPORT_MAX];

    if (r->session) {
        viv_report_session(r->session, line);
        if (*line)
            viv_show_line(line);
    }
    viv_report_manifest(stderr, "not restored", r->restore_manifest);
    if (r->scope)
        viv_report_manifest(stderr, "left out", r->manifest);
}

int viv_show_failed(int error)
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
