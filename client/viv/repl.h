/* The inside of viv repl. */
#ifndef VIVARIUM_CLIENT_VIV_REPL_H
#define VIVARIUM_CLIENT_VIV_REPL_H

#include "client/viv/command.h"
#include "client/viv/show.h"

#define VIV_REPL_COMMANDS                                                          \
    "  %whos          the names, their types and sizes, and what can't travel\n"   \
    "  %save FILE     write the names into a file, for viv scope show and %load\n" \
    "  %load FILE     replace the names by those of a file\n"                      \
    "  %reset         forget all names\n"                                          \
    "  %help          this list\n"

/* For what is not an execution: Ctrl-C doesn't reach those calls, and another
 * client of the session may keep it busy for long. */
#define VIV_REPL_CALL_NS 60000000000LL

struct viv_repl {
    struct viv_client *client;
    const struct viv_options *options;
    const char *session_id;
    bool interactive;
    unsigned inputs; /* so far: each has a file name of its own in tracebacks */
    struct viv_show show;
    bool over;  /* no more input is wanted */
    int status; /* of what failed or ended it; 0: nothing has */
};

/* Lets signals end a script while it writes what nobody may read. At a terminal they
 * are the prompt's. False: one has come before, and the REPL is over, in order: nothing
 * more is to be written. */
bool viv_repl_let_end(struct viv_repl *repl, bool now);

/* Runs a statement in the session and shows it all. */
void viv_repl_run(struct viv_repl *repl, const char *code);

/* For viv_line_complete(), with the REPL as its argument. */
char *viv_repl_names(void *repl, const char *word);

/* Does what a line that begins with '%' asks for. */
void viv_repl_command(struct viv_repl *repl, const char *line);

/* Says that a call failed; ends the REPL where it can't go on, and a script in
 * any case. */
void viv_repl_failed(struct viv_repl *repl, const struct viv_error *error);

#endif
