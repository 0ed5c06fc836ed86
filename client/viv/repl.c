/* viv repl: a session, and a loop over lines. */
#include "client/viv/repl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/viv/block.h"
#include "client/viv/exit_status.h"
#include "client/viv/line.h"
#include "client/viv/scope_report.h"

#define PROMPT ">>> "
#define MORE "... "

/* ---- the statement that is being typed ---- */

struct statement {
    char *text;
    size_t len;
};

static bool add_line(struct statement *s, const char *line)
{
    size_t len = strlen(line);
    bool ended = len && line[len - 1] == '\n';
    char *more = realloc(s->text, s->len + len + 2);

    if (!more)
        return false;
    s->text = more;
    memcpy(more + s->len, line, len);
    s->len += len;
    if (!ended)
        more[s->len++] = '\n';
    more[s->len] = '\0';
    return true;
}

static void drop(struct statement *s)
{
    free(s->text);
    *s = (struct statement){0};
}

static void run(struct viv_repl *repl, struct statement *s)
{
    if (s->text && !viv_block_is_empty(s->text))
        viv_repl_run(repl, s->text);
    drop(s);
}

/* ---- lines ---- */

/* As people type it who have not read that it is Ctrl-D. */
static bool says_goodbye(const char *line)
{
    static const char *const words[] = {"exit\n", "quit\n", "exit()\n", "quit()\n"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(line, words[i]))
            return true;
    return false;
}

static void end(struct viv_repl *repl, int status)
{
    repl->status = status;
    repl->over = true;
}

static void take_line(struct viv_repl *repl, struct statement *s, const char *line)
{
    if (!repl->interactive && s->text && viv_block_ends_before(s->text, line))
        run(repl, s);
    if (repl->over)
        return;
    if (!s->text && *line == '%') {
        viv_repl_command(repl, line);
        return;
    }
    if (!s->text && repl->interactive && says_goodbye(line)) {
        end(repl, 0);
        return;
    }
    if (!add_line(s, line)) {
        viv_show_line("no memory for a line");
        end(repl, EX_OSERR);
    } else if (repl->interactive ? viv_block_is_complete(s->text)
                                 : viv_block_ends_before(s->text, "\n")) {
        run(repl, s);
    }
}

static void take_interrupt(struct viv_repl *repl, struct statement *s)
{
    drop(s);
    if (!repl->interactive) {
        end(repl, 128 + SIGINT);
        return;
    }
    puts("\nKeyboardInterrupt");
    fflush(stdout);
}

static void take_end(struct viv_repl *repl, struct statement *s)
{
    if (!repl->interactive) {
        run(repl, s);
        repl->over = true;
        return;
    }
    puts("");
    end(repl, 0);
}

static void loop(struct viv_repl *repl, struct viv_line *line)
{
    struct statement s = {0};
    const char *text;

    while (!repl->over) {
        switch (viv_line_read(line, s.text ? MORE : PROMPT, &text)) {
        case VIV_LINE_TEXT:
            take_line(repl, &s, text);
            break;
        case VIV_LINE_INTERRUPTED:
            take_interrupt(repl, &s);
            break;
        case VIV_LINE_TERMINATED:
            end(repl, 128 + viv_line_signal(line));
            break;
        case VIV_LINE_END:
            take_end(repl, &s);
        }
    }
    drop(&s);
}

/* ---- the session ---- */

static int find_session(struct viv_client *client, const char *session_id, struct viv_error *err)
{
    struct viv_client_sessions_reply *reply;
    bool found = false;

    if (viv_client_session_list(client, 0, &reply, err))
        return -1;
    for (size_t i = 0; i < reply->count; i++)
        found = found || !strcmp(reply->sessions[i].session_id, session_id);
    viv_client_sessions_reply_free(reply);
    return found ? 0 : viv_fail(err, VIV_NOT_FOUND, "no session %.128s", session_id);
}

static void greet(struct viv_repl *repl)
{
    struct viv_client_description *d;

    if (!repl->interactive || viv_client_describe(repl->client, 0, &d, NULL))
        return;
    printf("Vivarium %s, %s. %%help tells more, Ctrl-D ends.\nSession %s\n", d->version, d->vm,
           repl->session_id);
    fflush(stdout);
    viv_client_description_free(d);
}

/* Of a session that nobody will come back to. */
static void close_session(struct viv_repl *repl)
{
    struct viv_error err;

    if (viv_client_session_close(repl->client, repl->session_id, VIV_REPL_CALL_NS, &err) &&
        err.status != VIV_NOT_FOUND)
        fprintf(stderr, "viv: can't close session %s: %s\n", repl->session_id, err.text);
}

static int converse(struct viv_repl *repl)
{
    struct viv_line *line;
    struct viv_error err;

    if (viv_line_open(repl->interactive, &line, &err)) {
        viv_show_line(err.text);
        return EX_OSERR;
    }
    viv_line_complete(line, viv_repl_names, repl);
    greet(repl);
    loop(repl, line);
    viv_line_close(line);
    return repl->status;
}

static int in_new_session(struct viv_repl *repl)
{
    struct viv_client_session_reply *session;
    struct viv_error err;
    int status;

    if (viv_command_open_session(repl->client, repl->options, VIV_REPL_CALL_NS, &session, &err))
        return viv_command_failed(repl->client, repl->options, &err);
    repl->session_id = session->session_id;
    viv_report_manifest(stderr, "not restored", session->restore_manifest);
    status = converse(repl);
    if (repl->options->keep)
        fprintf(stderr, "viv: session %s stays: viv repl --session %s\n", repl->session_id,
                repl->session_id);
    else
        close_session(repl);
    viv_client_session_reply_free(session);
    return status;
}

int viv_command_repl(struct viv_client *client, const struct viv_options *options)
{
    struct viv_repl repl = {
        .client = client,
        .options = options,
        .session_id = options->session,
        .interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
    };
    struct viv_error err;
    int status;

    if (!options->session)
        status = in_new_session(&repl);
    else if (find_session(client, options->session, &err))
        status = viv_command_failed(client, options, &err);
    else
        status = converse(&repl);
    return repl.show.write_errno ? viv_show_failed(repl.show.write_errno) : status;
}
