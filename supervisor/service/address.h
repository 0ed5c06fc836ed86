/* What --listen says: an address, and behind commas what holds for who comes
 * by it:
 *
 *     unix:/run/vivarium/vivarium.sock,auth=uid+token,mode=0660
 *     0.0.0.0:50051,tls,auth=cert
 *
 * Pure. */
#ifndef VIVARIUM_SERVICE_ADDRESS_H
#define VIVARIUM_SERVICE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "proto/error.h"

#define ADDRESS_TEXT_MAX 272
#define ADDRESS_PATH_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

struct address {
    char text[ADDRESS_TEXT_MAX]; /* as given */
    char path[ADDRESS_PATH_MAX]; /* of a unix socket; "" for TCP */
    char host[ADDRESS_TEXT_MAX]; /* of TCP, without brackets */
    char port[6];
    bool tls;
    unsigned auth; /* of enum auth_kind; 0: not said */
    unsigned mode; /* of a unix socket; 0: not said */
};

/* Beyond loopback only with TLS or where `insecure_tcp`. */
int address_parse(const char *text, bool insecure_tcp, struct address *ret_address,
                  struct viv_error *err);

/* The kinds of credentials that the listener takes: those that it says, or else
 * what suits it among `configured`, the kinds that the configuration has.
 * Errors: VIV_INVALID_ARGUMENT for what is unsafe or can't be. */
int address_auth(const struct address *address, unsigned configured, bool insecure_tcp,
                 unsigned *ret_kinds, struct viv_error *err);

/* The default of this user. `runtime_dir` is $XDG_RUNTIME_DIR or NULL. */
int address_default(uid_t uid, const char *runtime_dir, char ret_text[ADDRESS_TEXT_MAX],
                    struct viv_error *err);

#endif
