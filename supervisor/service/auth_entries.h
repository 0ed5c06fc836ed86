/* The lookups of auth.c, for auth_judge.c. NULL: nobody's. */
#ifndef VIVARIUM_SERVICE_AUTH_ENTRIES_H
#define VIVARIUM_SERVICE_AUTH_ENTRIES_H

#include "supervisor/service/auth.h"

const char *auth_tenant_of_uid(const struct auth *auth, uid_t uid);
const char *auth_tenant_of_name(const struct auth *auth, struct auth_text name);
const char *auth_tenant_of_token(const struct auth *auth, struct auth_text token,
                                 int64_t *ret_expires_s);

#endif
