/* Completion of names at the REPL's prompt: what is decided without asking. Lists
 * are names with a line end each. Pure. */
#ifndef VIVARIUM_CLIENT_VIV_COMPLETE_H
#define VIVARIUM_CLIENT_VIV_COMPLETE_H

#include <stddef.h>
#include <stdio.h>

/* What of a line, up to the cursor, is to be completed: "time.sl", or "%wh" where a
 * line begins so. "": nothing is, as behind a bracket or in a number. */
const char *viv_complete_word(const char *line);

/* Its last part: "sl". */
const char *viv_complete_tail(const char *word);

/* Those of the REPL's own commands; the caller frees it. NULL: no memory. */
char *viv_complete_commands(const char *word);

/* Code that prints the names that may stand for the tail, for a scope of Python's.
 * The caller frees it. NULL: no memory. */
char *viv_complete_code(const char *word);

/* Drops what is no name: the list comes from code that nobody trusts, and goes to a
 * terminal. */
void viv_complete_clean(char *names);

/* How many bytes at their beginning all names share. */
size_t viv_complete_common(const char *names);

/* In columns, for a terminal of this width. */
void viv_complete_print(FILE *out, const char *names, unsigned width);

#endif
