#include <string.h>
#include <strings.h>

#include "supervisor/service/auth_entries.h"
#include "supervisor/service/convert.h"

#define DEFAULT_TENANT "default"
#define SCHEME "Bearer "

/* What went wrong, before it is known whether it counts. */
struct verdict {
    const char *tenant; /* NULL: nobody */
    enum auth_kind kind;
    enum auth_failure failure;
    const char *text;
};

static struct verdict failed(enum auth_failure failure, const char *text)
{
    return (struct verdict){.failure = failure, .text = text};
}

static struct verdict judge_token(const struct auth *auth, struct auth_text value, int64_t now_s)
{
    size_t skip = strlen(SCHEME);
    int64_t expires_s = 0;
    const char *tenant;

    if (value.len <= skip || strncasecmp(value.data, SCHEME, skip) != 0)
        return failed(AUTH_MALFORMED,
                      "metadata authorization must be 'Bearer ' and a token behind it");
    tenant = auth_tenant_of_token(auth, (struct auth_text){value.data + skip, value.len - skip},
                                  &expires_s);
    if (!tenant)
        return failed(AUTH_WRONG, "the bearer token in metadata authorization is nobody's: send "
                                  "one that this server's operator has given out");
    if (expires_s != 0 && now_s >= expires_s)
        return failed(AUTH_EXPIRED, "the bearer token in metadata authorization has expired: ask "
                                    "this server's operator for a new one");
    return (struct verdict){.tenant = tenant, .kind = AUTH_TOKEN};
}

/* Names of one tenant only: a certificate that speaks for two is nobody's. */
static struct verdict judge_certificate(const struct auth *auth, const struct auth_presented *p)
{
    struct verdict v = failed(AUTH_WRONG, "none of the names in the client certificate is a "
                                          "tenant's: its operator has to enter one");

    for (size_t i = 0; i < p->name_count; i++) {
        const char *tenant = auth_tenant_of_name(auth, p->names[i]);

        if (tenant && v.tenant && strcmp(tenant, v.tenant) != 0)
            return failed(AUTH_WRONG, "the client certificate has names of two tenants: use one "
                                      "with names of one");
        if (tenant)
            v = (struct verdict){.tenant = tenant, .kind = AUTH_CERT};
    }
    return v;
}

static struct verdict judge_uid(const struct auth *auth, uid_t uid)
{
    const char *tenant = auth_tenant_of_uid(auth, uid);

    if (!tenant)
        return failed(AUTH_WRONG, "the uid of your process is no tenant's on this socket: its "
                                  "operator has to enter it");
    return (struct verdict){.tenant = tenant, .kind = AUTH_UID};
}

/* By what the listener takes; the words name no more than that. */
static const char *what_to_send(unsigned accepted)
{
    bool token = accepted & AUTH_TOKEN, cert = accepted & AUTH_CERT;

    if (token && cert)
        return "no credentials: use a client certificate, or send metadata 'authorization: "
               "Bearer TOKEN'";
    if (token)
        return "no credentials: send metadata 'authorization: Bearer TOKEN'";
    if (cert)
        return "no credentials: connect with a client certificate";
    return "this listener takes none of the credentials that can come over it";
}

static struct verdict judge_open(const struct auth_presented *p, char name[VIV_ID_MAX + 1],
                                 struct viv_error *err)
{
    struct auth_text wanted = p->tenant;

    if (!wanted.data)
        wanted = (struct auth_text){DEFAULT_TENANT, strlen(DEFAULT_TENANT)};
    if (convert_tenant(wanted.data, wanted.len, name, err) < 0)
        return failed(AUTH_MALFORMED, NULL);
    return (struct verdict){.tenant = name, .kind = AUTH_OPEN};
}

/* A token that is there decides: who sends one wants to be its tenant. */
static struct verdict judge(const struct auth *auth, const struct auth_presented *p, int64_t now_s)
{
    struct verdict v = failed(AUTH_MISSING, what_to_send(p->accepted));

    if ((p->accepted & AUTH_TOKEN) && p->authorization.data)
        return judge_token(auth, p->authorization, now_s);
    if ((p->accepted & AUTH_CERT) && p->has_certificate)
        v = judge_certificate(auth, p);
    else if ((p->accepted & AUTH_UID) && p->has_uid)
        v = judge_uid(auth, p->uid);
    return v;
}

static int check_other_name(const struct auth_presented *p, const char *tenant,
                            struct viv_error *err)
{
    if (!p->tenant.data ||
        (p->tenant.len == strlen(tenant) && memcmp(p->tenant.data, tenant, p->tenant.len) == 0))
        return 0;
    return viv_fail(err, VIV_PERMISSION_DENIED,
                    "metadata vivarium-tenant: your credentials are another tenant's: leave it "
                    "out");
}

int auth_judge(const struct auth *auth, const struct auth_presented *p, int64_t now_s,
               struct auth_identity *ret_identity, enum auth_failure *ret_failure,
               struct viv_error *err)
{
    struct auth_identity identity = {0};
    char name[VIV_ID_MAX + 1];
    struct verdict v;

    *ret_failure = AUTH_MALFORMED;
    if (p->repeated)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "metadata vivarium-tenant or authorization: given twice: send it once");
    v = judge(auth, p, now_s);
    if (!v.tenant && v.failure == AUTH_MISSING && (p->accepted & AUTH_OPEN)) {
        v = judge_open(p, name, err);
        if (!v.tenant)
            return -1;
    }
    if (!v.tenant) {
        *ret_failure = v.failure;
        return viv_fail(err, VIV_UNAUTHENTICATED, "%s", v.text);
    }
    *ret_failure = AUTH_OTHER_TENANT;
    if (v.kind != AUTH_OPEN && check_other_name(p, v.tenant, err) < 0)
        return -1;
    identity.kind = v.kind;
    memcpy(identity.tenant, v.tenant, strlen(v.tenant));
    *ret_identity = identity;
    return 0;
}
