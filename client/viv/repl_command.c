/* What the REPL does besides running code: lines that begin with '%'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/repl.h"
#include "client/viv/scope_file.h"
#include "client/viv/scope_report.h"

static void wrong(struct viv_repl *repl, int status, const char *text)
{
    viv_show_line(text);
    repl->status = status;
    if (!repl->interactive)
        repl->over = true;
}

static void say_session(const struct viv_client_scope_reply *reply)
{
    char line[VIV_REPORT_MAX];

    if (reply->session) {
        viv_report_session(reply->session, line);
        if (*line)
            viv_show_line(line);
    }
    viv_report_manifest(stderr, "not restored", reply->restore_manifest);
}

/* The session's scope; NULL, and all is said, where there is none to be had. */
static struct viv_client_scope_reply *get(struct viv_repl *repl)
{
    struct viv_client_scope_reply *reply;
    struct viv_error err;

    if (viv_client_scope_get(repl->client, repl->session_id, VIV_REPL_CALL_NS, &reply, &err)) {
        viv_repl_failed(repl, &err);
        return NULL;
    }
    say_session(reply);
    return reply;
}

static void whos(struct viv_repl *repl, const char *operand)
{
    struct viv_client_scope_reply *reply = get(repl);

    if (!reply)
        return;
    if (viv_repl_let_end(repl, true) && !viv_report_scope(stdout, reply->scope))
        wrong(repl, EX_OSERR, "no memory for a table");
    fflush(stdout);
    viv_repl_let_end(repl, false);
    viv_client_scope_reply_free(reply);
}

static void save(struct viv_repl *repl, const char *path)
{
    struct viv_client_scope_reply *reply = get(repl);
    struct viv_error err;
    int result;

    if (!reply)
        return;
    if (!viv_repl_let_end(repl, true)) {
        viv_client_scope_reply_free(reply);
        return;
    }
    result = viv_scope_file_write(path, reply->scope, &err);
    viv_repl_let_end(repl, false);
    if (result) {
        wrong(repl, EX_IOERR, err.text);
    } else {
        viv_report_manifest(stderr, "left out", reply->manifest);
        if (repl->interactive)
            fprintf(stderr, "viv: %zu names saved\n", viv_scope_len(reply->scope));
    }
    viv_client_scope_reply_free(reply);
}

static void set(struct viv_repl *repl, const struct viv_scope *scope, const char *done)
{
    struct viv_client_scope_reply *reply;
    struct viv_error err;

    if (viv_client_scope_set(repl->client, repl->session_id, scope, VIV_REPL_CALL_NS, &reply,
                             &err)) {
        viv_repl_failed(repl, &err);
        return;
    }
    viv_report_manifest(stderr, "not restored", reply->restore_manifest);
    if (repl->interactive)
        viv_show_line(done);
    viv_client_scope_reply_free(reply);
}

static void load(struct viv_repl *repl, const char *path)
{
    struct viv_scope *scope;
    struct viv_error err;
    int result;

    if (!strcmp(path, "-")) {
        wrong(repl, VIV_EXIT_USAGE, "%load wants a file: standard input is the script");
        return;
    }
    /* at a terminal, too: a pipe may keep us for ever */
    viv_interrupt_let_end(true);
    result = viv_scope_file_read(path, &scope, &err);
    viv_interrupt_let_end(false);
    if (result) {
        wrong(repl, VIV_EXIT_USAGE, err.text);
        return;
    }
    set(repl, scope, "the file's names have replaced all others");
    viv_scope_free(scope);
}

static void reset(struct viv_repl *repl, const char *operand)
{
    struct viv_scope *empty;
    struct viv_error err;

    if (viv_scope_new(&empty, &err)) {
        wrong(repl, EX_OSERR, err.text);
        return;
    }
    set(repl, empty, "all names are forgotten");
    viv_scope_free(empty);
}

static void help(struct viv_repl *repl, const char *operand)
{
    fputs(VIV_REPL_COMMANDS, stdout);
    fflush(stdout);
}

static const struct {
    const char *name;
    bool wants_file;
    void (*run)(struct viv_repl *repl, const char *operand);
} COMMANDS[] = {
    {"%whos", false, whos},   {"%save", true, save},  {"%load", true, load},
    {"%reset", false, reset}, {"%help", false, help},
};

/* Cuts blanks off both ends, in place. */
static char *trimmed(char *text)
{
    size_t len;

    text += strspn(text, " \t\n\r");
    for (len = strlen(text); len && strchr(" \t\n\r", text[len - 1]); len--)
        ;
    text[len] = '\0';
    return text;
}

static void run_words(struct viv_repl *repl, const char *name, const char *operand)
{
    char text[128];

    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        if (!strcmp(COMMANDS[i].name, name)) {
            if (COMMANDS[i].wants_file != (*operand != '\0')) {
                snprintf(text, sizeof(text), "%s takes %s", name,
                         COMMANDS[i].wants_file ? "the name of a file" : "nothing");
                wrong(repl, VIV_EXIT_USAGE, text);
            } else {
                COMMANDS[i].run(repl, operand);
            }
            return;
        }
    snprintf(text, sizeof(text), "no command %.40s: try %%help", name);
    wrong(repl, VIV_EXIT_USAGE, text);
}

void viv_repl_command(struct viv_repl *repl, const char *line)
{
    char *copy = strdup(line);
    char *name;
    char *rest;

    repl->status = 0;
    if (!copy) {
        wrong(repl, EX_OSERR, "no memory for a command");
        return;
    }
    name = trimmed(copy);
    rest = name + strcspn(name, " \t");
    if (*rest)
        *rest++ = '\0';
    run_words(repl, name, trimmed(rest));
    free(copy);
}
