/* What --listen says. Pure. */
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
};

/* Beyond loopback only where `insecure_tcp`. */
int address_parse(const char *text, bool insecure_tcp, struct address *ret_address,
                  struct viv_error *err);

/* The default of this user. `runtime_dir` is $XDG_RUNTIME_DIR or NULL. */
int address_default(uid_t uid, const char *runtime_dir, char ret_text[ADDRESS_TEXT_MAX],
                    struct viv_error *err);

#endif
