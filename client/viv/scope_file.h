/* Scopes in files: serialized ScopeSnapshots. */
#ifndef VIVARIUM_CLIENT_VIV_SCOPE_FILE_H
#define VIVARIUM_CLIENT_VIV_SCOPE_FILE_H

#include "client/vivarium_client.h"

/* "-" is standard input. The caller frees the scope. */
int viv_scope_file_read(const char *path, struct viv_scope **ret_scope, struct viv_error *err);

/* Another file of that name is replaced when all is written, not before. */
int viv_scope_file_write(const char *path, const struct viv_scope *scope, struct viv_error *err);

#endif
