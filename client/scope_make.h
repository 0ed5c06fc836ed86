/* What building a scope is made of. Everything lives in the scope's arena; a
 * failure is remembered in the scope. */
#ifndef VIVARIUM_CLIENT_SCOPE_MAKE_H
#define VIVARIUM_CLIENT_SCOPE_MAKE_H

#include "client/scope.h"

/* Remembers the failure where it is the first; always NULL. `text` is static. */
void *viv_make_fail(struct viv_scope *scope, enum viv_status status, const char *text);

/* Zeroed; NULL where memory is out. */
void *viv_make_alloc(struct viv_scope *scope, size_t count, size_t size);

/* A copy with a NUL behind it, or NULL. */
char *viv_make_copy(struct viv_scope *scope, const void *data, size_t len);

/* A value of that kind_case, or NULL. */
Vivarium__V1__Value *viv_make_message(struct viv_scope *scope, int kind);

/* NULL: an absent one. */
struct viv_value viv_make_handle(struct viv_scope *scope, const Vivarium__V1__Value *m);

#endif
