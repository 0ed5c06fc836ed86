/* What can be told of a program's last statement without its grammar. */
#ifndef VIVARIUM_VM_CPYTHON_STATEMENT_H
#define VIVARIUM_VM_CPYTHON_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* True: where `code` is a program at all, its last statement is certainly no
 * expression statement. False tells nothing. */
bool viv_ends_in_other_statement(const char *code, size_t len);

/* Where the last line of `code` may be parsed by itself. True: if what stands
 * before *ret_at is a program, and what follows is one, then the whole is what
 * both are together, and parsing warns of nothing. */
bool viv_find_cut(const char *code, size_t len, size_t *ret_at);

#endif
