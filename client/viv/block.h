/* Where a statement of Python ends, for lines that come one by one. Pure.
 *
 * A heuristic, by the look of the text and not by the grammar: it knows strings,
 * brackets, comments, backslashes and the words that begin a block. Where it is
 * wrong, the code is wrong, too: then the compiler says so a line early or a line
 * late. */
#ifndef VIVARIUM_CLIENT_VIV_BLOCK_H
#define VIVARIUM_CLIENT_VIV_BLOCK_H

#include <stdbool.h>

/* Nothing but blank lines and comments. */
bool viv_block_is_empty(const char *text);

/* Whether `text`, lines with their ends, is a statement on which more may follow:
 * a string, a bracket or a backslash is open, or it begins a block. */
bool viv_block_is_open(const char *text);
bool viv_block_is_compound(const char *text);

/* At a prompt: a block ends with an empty line, as in Python's own REPL. */
bool viv_block_is_complete(const char *text);

/* In a script: `line` begins the next statement. */
bool viv_block_ends_before(const char *text, const char *line);

#endif
