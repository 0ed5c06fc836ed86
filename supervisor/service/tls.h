/* The certificate that TLS listeners show, and whose client certificates they
 * believe; both can be read again while connections live. */
#ifndef VIVARIUM_SERVICE_TLS_H
#define VIVARIUM_SERVICE_TLS_H

#include <grpc/grpc_security.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct tls;

/* Paths of PEM files. */
struct tls_files {
    const char *cert;      /* the server's, with what is between it and the root */
    const char *key;       /* of the first in `cert` */
    const char *client_ca; /* who signs client certificates; NULL: none are asked for */
};

/* Reads and checks the files; the paths are copied. Ends with tls_destroy(),
 * after the servers that have its credentials. Errors:
 * VIV_FAILED_PRECONDITION, which names the file. */
int tls_create(const struct tls_files *files, struct tls **ret_tls, struct viv_error *err);

/* Reads the files again, for handshakes from now on. On failure what was read
 * before stays. Any thread. */
int tls_reload(struct tls *tls, struct viv_error *err);

/* NULL is fine. */
void tls_destroy(struct tls *tls);

/* When the certificate ends, in seconds since the epoch. */
int64_t tls_expires(struct tls *tls);

#define TLS_LISTENERS_MAX 16

/* For one listener, whose number the context of its calls will tell. A client
 * certificate is asked for where `ask_client`; one that is not signed by the
 * authority, or has expired, ends the handshake, and none is fine: the call is
 * told what is missing. The caller releases it. */
grpc_server_credentials *tls_credentials(struct tls *tls, unsigned listener, bool ask_client);

/* The name of the property that tells the listener, in decimal. */
#define TLS_LISTENER_PROPERTY "vivarium_listener"

#endif
