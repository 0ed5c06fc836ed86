/* Credentials and certificates as the options name them: opened at the start,
 * read again on a reload. */
#ifndef VIVARIUM_SERVICE_ACCESS_H
#define VIVARIUM_SERVICE_ACCESS_H

#include "supervisor/service/acceptor.h"
#include "supervisor/service/gate.h"
#include "supervisor/service/options.h"
#include "supervisor/service/server.h"
#include "supervisor/service/tls.h"

struct access {
    struct acceptor_range range;
    struct peers *peers;
    struct gate *gate;
    struct tls *tls;     /* NULL: no certificate is configured */
    unsigned configured; /* kinds of credentials that may come */
    bool insecure_tcp;
    /* By the listener's number. */
    unsigned kinds[GATE_LISTENERS_MAX]; /* that it takes */
    bool ask_client[GATE_LISTENERS_MAX];
};

/* Ends with access_close(), also where this fails. Errors:
 * VIV_INVALID_ARGUMENT, VIV_FAILED_PRECONDITION; the text names the file. */
int access_open(const struct options *options, struct access *ret_access, struct viv_error *err);

/* What holds for the listener of that number; sets its mode. */
int access_add_listener(struct access *access, unsigned number, struct listener *listener,
                        struct server_config *config, struct viv_error *err);

/* Reads the credentials that the options name and hold, and the kinds that may
 * come. What they name as listeners must do with them: else VIV_INVALID_ARGUMENT.
 * The caller owns *ret_auth, or hands it to access_replace(). */
int access_load(const struct options *options, struct auth **ret_auth, unsigned *ret_configured,
                struct viv_error *err);

/* Judges by what access_load() has read from now on, on the listeners that there
 * are: each takes the kinds that it would after a start, but that none becomes
 * open. What holds only from the next start is logged. Takes `auth` over. */
void access_replace(struct access *access, struct auth *auth, unsigned configured,
                    struct listener *listeners, size_t count);

/* Reads the certificates again, for handshakes from now on. */
int access_reload_tls(struct access *access, struct viv_error *err);

/* After the server is gone. */
void access_close(struct access *access);

#endif
