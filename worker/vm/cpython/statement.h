/* What the last statement of a program is, as far as its last line tells. */
#ifndef VIVARIUM_VM_CPYTHON_STATEMENT_H
#define VIVARIUM_VM_CPYTHON_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* True: where `code` is a program at all, its last statement is certainly no
 * expression statement. False tells nothing. */
bool viv_ends_in_other_statement(const char *code, size_t len);

#endif
