#include "supervisor/service/gate.h"

#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"
#include "supervisor/service/tls.h"

#define TENANT_KEY "vivarium-tenant"
#define AUTHORIZATION_KEY "authorization"
#define NAME_LEN_MAX 512

struct gate {
    const struct peers *peers;
    /* Under the lock: a call is judged by one table and the kinds that go with it. */
    pthread_mutex_t lock;
    struct auth *auth;
    unsigned kinds[GATE_LISTENERS_MAX + 1];
};

/* One call's, while it is judged. */
struct visit {
    struct auth_presented presented;
    unsigned listener;
    const char *peer; /* what gRPC calls it */
    char (*names)[NAME_LEN_MAX];
};

int gate_create(struct auth *auth, const struct peers *peers, struct gate **ret_gate,
                struct viv_error *err)
{
    struct gate *gate = calloc(1, sizeof(*gate));

    if (!gate)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    pthread_mutex_init(&gate->lock, NULL);
    gate->auth = auth;
    gate->peers = peers;
    gate->kinds[GATE_SELF] = AUTH_OPEN;
    *ret_gate = gate;
    return 0;
}

void gate_destroy(struct gate *gate)
{
    if (!gate)
        return;
    auth_destroy(gate->auth);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

void gate_set_listener(struct gate *gate, unsigned number, unsigned kinds)
{
    gate->kinds[number] = kinds;
}

void gate_replace(struct gate *gate, struct auth *auth, const unsigned kinds[GATE_LISTENERS_MAX])
{
    struct auth *old;

    pthread_mutex_lock(&gate->lock);
    old = gate->auth;
    gate->auth = auth;
    memcpy(gate->kinds, kinds, GATE_LISTENERS_MAX * sizeof(*kinds));
    pthread_mutex_unlock(&gate->lock);
    auth_destroy(old);
}

static void read_metadata(const grpc_metadata_array *metadata, struct auth_presented *p)
{
    for (size_t i = 0; i < metadata->count; i++) {
        const grpc_metadata *m = &metadata->metadata[i];
        bool tenant = grpc_slice_str_cmp(m->key, TENANT_KEY) == 0;
        struct auth_text *text = tenant ? &p->tenant : &p->authorization;

        if (!tenant && grpc_slice_str_cmp(m->key, AUTHORIZATION_KEY) != 0)
            continue;
        p->repeated |= text->data != NULL;
        text->data = (const char *)GRPC_SLICE_START_PTR(m->value);
        text->len = GRPC_SLICE_LENGTH(m->value);
    }
}

/* One that doesn't fit is left out: it is nobody's. */
static void add_name(struct visit *v, const char *type, const grpc_auth_property *property)
{
    struct auth_presented *p = &v->presented;
    size_t type_len = strlen(type), len = type_len + property->value_length;
    char *name;

    if (p->name_count == AUTH_NAMES_MAX || len > NAME_LEN_MAX)
        return;
    name = v->names[p->name_count];
    snprintf(name, NAME_LEN_MAX, "%s", type);
    memcpy(name + type_len, property->value, property->value_length);
    p->names[p->name_count++] = (struct auth_text){name, len};
}

static void read_names(struct visit *v, const grpc_auth_context *context)
{
    static const struct {
        const char *property, *type;
    } kinds[] = {{"peer_uri", "URI:"}, {"peer_dns", "DNS:"}, {GRPC_X509_CN_PROPERTY_NAME, "CN:"}};

    v->presented.has_certificate = grpc_auth_context_peer_is_authenticated(context);
    for (size_t i = 0; v->presented.has_certificate && i < 3; i++) {
        grpc_auth_property_iterator it =
            grpc_auth_context_find_properties_by_name(context, kinds[i].property);
        const grpc_auth_property *property;

        while ((property = grpc_auth_property_iterator_next(&it)))
            add_name(v, kinds[i].type, property);
    }
}

/* The listener that credentials of tls.h have noted; -1: none. */
static int noted_listener(const grpc_auth_context *context)
{
    grpc_auth_property_iterator it =
        grpc_auth_context_find_properties_by_name(context, TLS_LISTENER_PROPERTY);
    const grpc_auth_property *property = grpc_auth_property_iterator_next(&it);
    long number = property ? strtol(property->value, NULL, 10) : -1;

    return number >= 0 && number < GATE_LISTENERS_MAX ? (int)number : -1;
}

/* Which listener it came by, and who it is as far as the connection tells;
 * false: by none of ours, so that nobody can say. */
static bool read_connection(const struct gate *gate, grpc_call *call, struct visit *v)
{
    grpc_auth_context *context = grpc_call_auth_context(call);
    int listener = context ? noted_listener(context) : -1;
    struct peer peer = {0};

    if (listener >= 0)
        read_names(v, context);
    if (context)
        grpc_auth_context_release(context);
    if (listener < 0 && !peers_find(gate->peers, v->peer, &peer))
        return false;
    v->presented.has_uid = peer.has_uid;
    v->presented.uid = peer.uid;
    v->listener = listener >= 0 ? (unsigned)listener : peer.listener;
    return true;
}

static void tell(const struct visit *v, enum auth_failure failure)
{
    static struct log_limit limit = LOG_LIMIT_INIT(5);

    metrics_auth_failed(failure);
    log_limited(&limit, LOG_LEVEL_WARN, "authentication_failed",
                LOG_TEXT("reason", auth_failure_name(failure)), LOG_TEXT("peer", v->peer));
}

static int judge(struct gate *gate, struct visit *v, struct auth_identity *ret_identity,
                 enum auth_failure *ret_failure, struct viv_error *err)
{
    int rc;

    pthread_mutex_lock(&gate->lock);
    v->presented.accepted = gate->kinds[v->listener];
    rc = auth_judge(gate->auth, &v->presented, time(NULL), ret_identity, ret_failure, err);
    pthread_mutex_unlock(&gate->lock);
    return rc;
}

int gate_admit(struct gate *gate, grpc_call *call, const char *peer,
               const grpc_metadata_array *metadata, struct auth_identity *ret_identity,
               struct viv_error *err)
{
    /* Apart, so that it is not set to zero for every call. */
    char names[AUTH_NAMES_MAX][NAME_LEN_MAX];
    struct visit v = {.peer = peer, .names = names};
    enum auth_failure failure = AUTH_UNKNOWN_PEER;
    int rc;

    read_metadata(metadata, &v.presented);
    if (read_connection(gate, call, &v))
        rc = judge(gate, &v, ret_identity, &failure, err);
    else
        rc = viv_fail(err, VIV_UNAUTHENTICATED, "your connection came by no listener");
    if (rc < 0)
        tell(&v, failure);
    return rc;
}
