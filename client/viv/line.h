/* Lines for the REPL: from a terminal, edited and remembered by libedit, or from
 * anything else as they are. */
#ifndef VIVARIUM_CLIENT_VIV_LINE_H
#define VIVARIUM_CLIENT_VIV_LINE_H

#include <stdbool.h>

#include "proto/error.h"

struct viv_line;

enum viv_line_event {
    VIV_LINE_TEXT,
    VIV_LINE_END,         /* Ctrl-D, the end of the file */
    VIV_LINE_INTERRUPTED, /* Ctrl-C */
    VIV_LINE_TERMINATED,  /* another of the signals of viv_interrupt_block() */
};

/* Blocks Ctrl-Z and what tells of the terminal's size for this thread and those that
 * it starts: call it before there are others. */
void viv_line_block(void);

/* Ctrl-Z at the prompt is for viv_line_read(); this lets it stop us at other
 * times. */
void viv_line_let_stop(bool now);

/* Signals must be blocked (viv_interrupt_block() and viv_line_block()). `edited`: standard input and
 * output are terminals. */
int viv_line_open(bool edited, struct viv_line **ret_line, struct viv_error *err);

/* What Tab does behind a word: `names` gives those, with a line end each, that may
 * stand for what is behind the word's last dot. They are freed; NULL: there are
 * none. At the beginning of a line Tab indents. */
typedef char *viv_line_names(void *arg, const char *word);
void viv_line_complete(struct viv_line *line, viv_line_names *names, void *arg);

/* Saves the history. NULL is fine. */
void viv_line_close(struct viv_line *line);

/* Waits for a line. *ret_text, with its line end where it had one, lives until
 * the next call; only with VIV_LINE_TEXT. */
enum viv_line_event viv_line_read(struct viv_line *line, const char *prompt, const char **ret_text);

/* The signal of VIV_LINE_TERMINATED. */
int viv_line_signal(const struct viv_line *line);

#endif
