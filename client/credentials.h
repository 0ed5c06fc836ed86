/* What a client shows to the supervisor, and whom it trusts. */
#ifndef VIVARIUM_CLIENT_CREDENTIALS_H
#define VIVARIUM_CLIENT_CREDENTIALS_H

#include <grpc/grpc_security.h>

#include "client/vivarium_client.h"

/* What the environment says; any may be NULL, an empty one counts as unset. */
struct viv_credentials_environment {
    const char *token, *token_file, *tls_ca, *tls_cert, *tls_key;
};

struct viv_credentials {
    grpc_channel_credentials *channel;
    char *authorization; /* "Bearer ...", or NULL */
};

/* For `target`, as viv_target_resolve() writes it. To be released with
 * viv_credentials_release(), after grpc_init() and before grpc_shutdown().
 * VIV_INVALID_ARGUMENT for what doesn't go together, or can't be read. */
int viv_credentials_load(const struct viv_client_options *options,
                         const struct viv_credentials_environment *environment, const char *target,
                         struct viv_credentials *ret_credentials, struct viv_error *err);

void viv_credentials_release(struct viv_credentials *credentials);

#endif
