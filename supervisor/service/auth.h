/* Credentials to tenants: who is it that calls? Pure but for its memory.
 *
 * A `struct auth` is built once from the configuration and never changed; a
 * reload builds another one (gate.h). */
#ifndef VIVARIUM_SERVICE_AUTH_H
#define VIVARIUM_SERVICE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/error.h"
#include "supervisor/vivarium.h"

/* Bits, so that a listener's kinds are a mask. */
enum auth_kind {
    AUTH_OPEN = 1,  /* whoever connects says which tenant it is */
    AUTH_UID = 2,   /* the uid of the process at the other end of a unix socket */
    AUTH_TOKEN = 4, /* metadata "authorization: Bearer ..." */
    AUTH_CERT = 8,  /* a client certificate that the configured authority signed */
};

/* One credential of the configuration. */
struct auth_entry {
    enum auth_kind kind; /* not AUTH_OPEN */
    const char *tenant;
    /* AUTH_UID: the decimal number. AUTH_TOKEN: the hash, as token.h writes it.
     * AUTH_CERT: "URI:...", "DNS:..." or "CN:...", a name in the certificate. */
    const char *value;
    int64_t expires_s; /* of a token, seconds since the epoch; 0: never */
};

struct auth_config {
    const struct auth_entry *entries;
    size_t count;
};

#define AUTH_ENTRIES_MAX 65536

/* A wrong token costs whoever serves a hash for each salt, and a comparison for
 * each token. */
#define AUTH_TOKENS_MAX 4096
#define AUTH_SALTS_MAX 16

struct auth;

/* Copies what it keeps. The caller ends it with auth_destroy(). Errors:
 * VIV_INVALID_ARGUMENT that names the entry by tenant and kind, and never
 * repeats a token's hash. */
int auth_create(const struct auth_config *config, struct auth **ret_auth, struct viv_error *err);

/* NULL is fine. */
void auth_destroy(struct auth *auth);

/* The kinds that have an entry. */
unsigned auth_kinds(const struct auth *auth);

struct auth_text {
    const char *data; /* not NUL-terminated; NULL: not there */
    size_t len;
};

#define AUTH_NAMES_MAX 32

/* What one call brings with it. */
struct auth_presented {
    unsigned accepted; /* the listener's kinds */
    bool has_uid;
    uid_t uid;
    bool has_certificate; /* a verified one */
    struct auth_text names[AUTH_NAMES_MAX];
    size_t name_count;
    struct auth_text authorization; /* the metadata's value */
    struct auth_text tenant;        /* metadata vivarium-tenant */
    bool repeated;                  /* one of the two was sent more than once */
};

struct auth_identity {
    char tenant[VIV_ID_MAX + 1];
    enum auth_kind kind;
};

/* Why not; labels of a metric. */
enum auth_failure {
    AUTH_MISSING,
    AUTH_WRONG,
    AUTH_EXPIRED,
    AUTH_MALFORMED,
    AUTH_OTHER_TENANT,
    AUTH_UNKNOWN_PEER,
    AUTH_FAILURES
};

const char *auth_failure_name(enum auth_failure failure);
const char *auth_kind_name(enum auth_kind kind);

/* The mask that "uid+token" means; 0: it means none. */
unsigned auth_kinds_parse(const char *text, size_t len);

/* A token is compared with every hash there is, so that the time says nothing
 * about which one it resembles. Errors: VIV_UNAUTHENTICATED, which says what
 * to send, VIV_PERMISSION_DENIED for another tenant's name, VIV_INVALID_ARGUMENT
 * for a name that can't be one. */
int auth_judge(const struct auth *auth, const struct auth_presented *presented, int64_t now_s,
               struct auth_identity *ret_identity, enum auth_failure *ret_failure,
               struct viv_error *err);

#endif
