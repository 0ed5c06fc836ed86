#include "supervisor/service/access.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"
#include "supervisor/service/tap.h"
#include "supervisor/service/token_file.h"

/* Entries that are being collected. */
struct list {
    struct auth_entry *entries;
    size_t count;
    char *copies[2 * OPTIONS_CREDENTIALS_MAX];
    size_t copy_count;
    struct token_file tokens;
};

/* "VALUE=TENANT"; a URI may hold more of these signs, a tenant none. */
static int add_flag(struct list *l, enum auth_kind kind, const char *text, struct viv_error *err)
{
    char *copy = strdup(text), *sign = copy ? strrchr(copy, '=') : NULL;

    if (!sign) {
        free(copy);
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--%s-tenant wants %s=TENANT, not '%.200s'",
                        auth_kind_name(kind), kind == AUTH_UID ? "UID" : "NAME", text);
    }
    *sign = '\0';
    l->copies[l->copy_count++] = copy;
    l->entries[l->count++] = (struct auth_entry){.kind = kind, .tenant = sign + 1, .value = copy};
    return 0;
}

static int add_flags(struct list *l, const struct options *o, struct viv_error *err)
{
    for (size_t i = 0; i < o->uid_tenant.count; i++)
        if (add_flag(l, AUTH_UID, o->uid_tenant.words[i], err) < 0)
            return -1;
    for (size_t i = 0; i < o->cert_tenant.count; i++)
        if (add_flag(l, AUTH_CERT, o->cert_tenant.words[i], err) < 0)
            return -1;
    return 0;
}

static void append(struct list *l, const struct auth_entry *entries, size_t count)
{
    if (count > 0)
        memcpy(l->entries + l->count, entries, count * sizeof(*entries));
    l->count += count;
}

/* Those of the configuration file, whose kinds have the same values. */
static void append_file(struct list *l, const struct config_credential *credentials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        l->entries[l->count++] = (struct auth_entry){
            .kind = (enum auth_kind)credentials[i].kind,
            .tenant = credentials[i].tenant,
            .value = credentials[i].value,
            .expires_s = credentials[i].expires_s,
        };
}

_Static_assert((int)CONFIG_UID == (int)AUTH_UID && (int)CONFIG_TOKEN == (int)AUTH_TOKEN &&
                   (int)CONFIG_CERTIFICATE == (int)AUTH_CERT,
               "the file's kinds are ours");

static int collect(struct list *l, const struct options *o, struct viv_error *err)
{
    size_t count = 0;
    const struct config_credential *file = o->file ? config_credentials(o->file, &count) : NULL;

    if (o->token_file && token_file_read(o->token_file, &l->tokens, err) < 0)
        return -1;
    l->entries = calloc(l->tokens.count + count + 2 * OPTIONS_CREDENTIALS_MAX, sizeof(*l->entries));
    if (!l->entries)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    append(l, l->tokens.entries, l->tokens.count);
    append_file(l, file, count);
    return add_flags(l, o, err);
}

/* Their code could ask for anything in any tenant's name. */
static int refuse_to_workers(const struct options *o, const struct address *address,
                             struct viv_error *err)
{
    for (size_t i = 0; i < o->config.profile_count; i++)
        if (o->config.profiles[i].network)
            return viv_fail(err, VIV_INVALID_ARGUMENT,
                            "--listen %.100s: it takes whoever comes, and workers of profile %s "
                            "have the network to come by: have it want credentials, or listen on "
                            "unix:PATH",
                            address->text, o->config.profiles[i].name);
    return 0;
}

/* Whether it can listen there, with these kinds of credentials. */
static int check_listener(const struct options *o, const struct address *address,
                          unsigned configured, struct viv_error *err)
{
    unsigned kinds;

    if (address->tls && !o->tls_cert)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen %s: give --tls-cert and --tls-key",
                        address->text);
    if (address_auth(address, configured, o->insecure_tcp, &kinds, err) < 0)
        return -1;
    if ((kinds & AUTH_OPEN) && address->path[0] == '\0' && refuse_to_workers(o, address, err) < 0)
        return -1;
    if ((kinds & AUTH_CERT) && !o->tls_client_ca)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen %s: auth=cert wants --tls-client-ca: who vouches for them?",
                        address->text);
    return 0;
}

/* The default socket does with whatever is configured. */
static int check_listeners(const struct options *o, unsigned configured, struct viv_error *err)
{
    struct address address;

    for (size_t i = 0; i < o->listen.count; i++)
        if (address_parse(o->listen.words[i], o->insecure_tcp, &address, err) < 0 ||
            check_listener(o, &address, configured, err) < 0)
            return -1;
    return 0;
}

static int create_auth(const struct options *o, struct auth **ret_auth, struct viv_error *err)
{
    struct list l = {.count = 0};
    int rc = collect(&l, o, err);

    if (rc == 0)
        rc = auth_create(&(struct auth_config){l.entries, l.count}, ret_auth, err);
    for (size_t i = 0; i < l.copy_count; i++)
        free(l.copies[i]);
    free(l.entries);
    token_file_release(&l.tokens);
    return rc;
}

int access_load(const struct options *o, struct auth **ret_auth, unsigned *ret_configured,
                struct viv_error *err)
{
    struct auth *auth = NULL;
    unsigned configured;

    if (create_auth(o, &auth, err) < 0)
        return -1;
    configured = auth_kinds(auth);
    /* One that is empty now may be filled by a reload. */
    if (o->token_file)
        configured |= AUTH_TOKEN;
    if (check_listeners(o, configured, err) < 0) {
        auth_destroy(auth);
        return -1;
    }
    *ret_auth = auth;
    *ret_configured = configured;
    return 0;
}

static int open_tls(struct access *a, const struct options *o, struct viv_error *err)
{
    const struct tls_files files = {o->tls_cert, o->tls_key, o->tls_client_ca};

    if (!o->tls_cert)
        return 0;
    if (tls_create(&files, &a->tls, err) < 0)
        return -1;
    metrics_certificate_expires(tls_expires(a->tls));
    return 0;
}

int access_open(const struct options *options, struct access *ret_access, struct viv_error *err)
{
    struct access *a = ret_access;
    struct auth *auth = NULL;

    *a = (struct access){.insecure_tcp = options->insecure_tcp};
    if (acceptor_range_now(options->max_connections, options->config.workers_max, &a->range, err) <
        0)
        return -1;
    if (access_load(options, &auth, &a->configured, err) < 0)
        return -1;
    if (peers_create(a->range.first, a->range.count, &a->peers, err) < 0 ||
        gate_create(auth, a->peers, &a->gate, err) < 0) {
        auth_destroy(auth);
        return -1;
    }
    if (tap_open(a->range.first, a->range.count, options->max_streams, err) < 0 ||
        open_tls(a, options, err) < 0)
        return -1;
    metrics_loaded(true, time(NULL));
    return 0;
}

/* Where credentials decide, the file's mode need not. */
static unsigned mode_of(const struct address *address, unsigned kinds)
{
    return address->mode != 0 ? address->mode : kinds & AUTH_OPEN ? 0600 : 0666;
}

int access_add_listener(struct access *access, unsigned number, struct listener *listener,
                        struct server_config *config, struct viv_error *err)
{
    const struct address *address = &listener->address;
    unsigned kinds;

    if (address_auth(address, access->configured, access->insecure_tcp, &kinds, err) < 0)
        return -1;
    gate_set_listener(access->gate, number, kinds);
    access->kinds[number] = kinds;
    access->ask_client[number] = (kinds & AUTH_CERT) != 0;
    config->listeners[number].tls = address->tls;
    config->listeners[number].ask_client = access->ask_client[number];
    listener->mode = mode_of(address, kinds);
    return 0;
}

static void tell_restart(const struct listener *listener, const char *reason)
{
    log_event(LOG_LEVEL_WARN, "restart_needed", LOG_TEXT("address", listener->address.text),
              LOG_TEXT("reason", reason));
}

static unsigned kinds_again(const struct access *a, unsigned number, const struct listener *l)
{
    unsigned before = a->kinds[number], kinds;

    /* A new file may have other listeners, and do for those alone: by this one nobody
     * comes who has none of the kinds that it says. */
    if (address_auth(&l->address, a->configured, a->insecure_tcp, &kinds, NULL) < 0)
        kinds = l->address.auth;
    if ((kinds & AUTH_OPEN) && !(before & AUTH_OPEN)) {
        tell_restart(l, "no credentials are left for it: it would be open, and stays closed");
        return before;
    }
    if ((kinds & AUTH_CERT) && !a->ask_client[number])
        tell_restart(l, "it asks nobody for the certificates that it would take");
    return kinds;
}

static void set_mode(struct listener *l, unsigned kinds)
{
    unsigned mode = mode_of(&l->address, kinds);
    struct viv_error err;

    if (l->address.path[0] != '\0' && mode != l->mode && listener_set_mode(l, mode, &err) < 0)
        tell_restart(l, err.text);
}

void access_replace(struct access *access, struct auth *auth, unsigned configured,
                    struct listener *listeners, size_t count)
{
    access->configured = configured;
    for (unsigned i = 0; i < count; i++)
        access->kinds[i] = kinds_again(access, i, &listeners[i]);
    gate_replace(access->gate, auth, access->kinds);
    /* Now that it is closed. */
    for (unsigned i = 0; i < count; i++)
        set_mode(&listeners[i], access->kinds[i]);
}

int access_reload_tls(struct access *access, struct viv_error *err)
{
    if (!access->tls)
        return 0;
    if (tls_reload(access->tls, err) < 0)
        return -1;
    metrics_certificate_expires(tls_expires(access->tls));
    return 0;
}

void access_close(struct access *access)
{
    gate_destroy(access->gate);
    peers_destroy(access->peers);
    tap_close();
    tls_destroy(access->tls);
}
