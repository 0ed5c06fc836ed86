#include "supervisor/service/options_set.h"

#include <limits.h>
#include <string.h>

#include "supervisor/service/address.h"
#include "supervisor/service/config_value.h"

#define COUNT_MAX 65536u
#define BYTES_MAX (UINT64_C(1) << 50)
#define DAY_NS (INT64_C(86400) * 1000000000)

static int set_int(const char *what, const char *text, int low, int high, int *ret,
                   struct viv_error *err)
{
    int64_t value;

    if (config_integer(what, text, low, high, &value, err) < 0)
        return -1;
    *ret = (int)value;
    return 0;
}

static int set_message(const char *what, const char *text, int *ret, struct viv_error *err)
{
    uint64_t value;

    if (config_bytes(what, text, 1u << 30, &value, err) < 0)
        return -1;
    if (value < 65536)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s must be at least 65536 bytes, not '%.100s'",
                        what, text);
    *ret = (int)value;
    return 0;
}

/* What the environment or a flag says takes the place of what came before it
 * from elsewhere. */
static int append(struct options *o, struct options_list *list, const char *what, size_t max,
                  const char *value, struct viv_error *err)
{
    if (list->source != o->source)
        list->count = 0;
    list->source = o->source;
    if (list->count == max)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s may be given %zu times at most", what, max);
    list->words[list->count++] = value;
    list->words[list->count] = NULL;
    return 0;
}

static int set_level(const char *what, const char *text, enum log_level *ret_level,
                     struct viv_error *err)
{
    int level = log_level_of(text);

    if (level < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be debug, info, warn or error, not '%.100s'", what, text);
    *ret_level = (enum log_level)level;
    return 0;
}

static int add_layer(struct options *o, const char *what, const char *name, struct viv_error *err)
{
    struct viv_error why;
    uint64_t bit;

    if (viv_layer_find(name, &bit, &why) < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: %.400s", what, why.text);
    if (o->absent_source != o->source)
        o->config.allow_absent = 0;
    o->absent_source = o->source;
    o->config.allow_absent |= bit;
    return 0;
}

static int set_session(struct options *o, enum options_flag flag, const char *what,
                       const char *value, struct viv_error *err)
{
    struct viv_session_config *s = &o->config.sessions;

    switch (flag) {
    case FLAG_STORE:
        s->store_url = value;
        return 0;
    case FLAG_STORE_KEY:
        s->store_key_path = value;
        return 0;
    case FLAG_STORE_OLD_KEY:
        return append(o, &o->old_keys, what, OPTIONS_KEYS_MAX, value, err);
    case FLAG_NODE:
        s->node = value;
        return 0;
    case FLAG_SESSIONS_MAX:
        return config_unsigned(what, value, 1, COUNT_MAX, &s->max, err);
    case FLAG_SESSIONS_RESIDENT:
        return config_unsigned(what, value, 1, COUNT_MAX, &s->resident_max, err);
    case FLAG_SESSION_IDLE:
        return config_duration(what, value, s->idle_timeout_max_ns, &s->idle_timeout_ns, err);
    case FLAG_SESSION_LEASE:
        return config_duration(what, value, DAY_NS, &s->lease_ns, err);
    case FLAG_MEMORY_STORE_BYTES:
        return config_bytes(what, value, BYTES_MAX, &s->memory_bytes_max, err);
    default:
        return config_bytes(what, value, BYTES_MAX, &s->tenant_bytes_max, err);
    }
}

static int set_pool(struct options *o, enum options_flag flag, const char *what, const char *value,
                    struct viv_error *err)
{
    struct viv_config *c = &o->config;

    switch (flag) {
    case FLAG_WORKER:
        c->worker_path = value;
        return 0;
    case FLAG_PRELOAD:
        return append(o, &o->preload, what, OPTIONS_PRELOAD_MAX, value, err);
    case FLAG_WORKERS_WARM:
        return config_unsigned(what, value, 0, COUNT_MAX, &c->workers_warm, err);
    case FLAG_WORKERS_MAX:
        return config_unsigned(what, value, 1, COUNT_MAX, &c->workers_max, err);
    case FLAG_QUEUE_MAX:
        return config_unsigned(what, value, 0, COUNT_MAX, &c->queue_max, err);
    case FLAG_TENANT_MEMORY:
        return config_bytes(what, value, BYTES_MAX, &c->tenant_memory_bytes, err);
    case FLAG_TENANT_PIDS:
        return config_unsigned(what, value, 0, COUNT_MAX, &c->tenant_pids, err);
    case FLAG_TENANT_CPUS:
        return config_cpus(what, value, &c->tenant_cpu_millis, err);
    case FLAG_WORKER_CPUS:
        return config_cpus(what, value, &c->worker_cpu_millis, err);
    case FLAG_TENANTS_MAX:
        return config_unsigned(what, value, 1, COUNT_MAX, &c->tenants_max, err);
    case FLAG_REQUEST_BYTES_TOTAL:
        return config_bytes(what, value, BYTES_MAX, &c->request_bytes_total, err);
    default:
        return config_duration(what, value, DAY_NS, &c->execution_cost_min_ns, err);
    }
}

static int set_service(struct options *o, enum options_flag flag, const char *what,
                       const char *value, struct viv_error *err)
{
    switch (flag) {
    case FLAG_LISTEN:
        return append(o, &o->listen, what, OPTIONS_LISTEN_MAX, value, err);
    case FLAG_INSECURE_TCP:
        o->insecure_tcp = true;
        return value ? config_bool(what, value, &o->insecure_tcp, err) : 0;
    case FLAG_DRAIN_GRACE:
        return config_duration(what, value, DAY_NS, &o->drain_grace_ns, err);
    case FLAG_REQUEST_TIMEOUT:
        return config_duration(what, value, DAY_NS, &o->request_timeout_ns, err);
    case FLAG_OUTPUT_STALL:
        return config_duration(what, value, DAY_NS, &o->config.output_stall_ns, err);
    case FLAG_ALLOW_ABSENT:
        return add_layer(o, what, value, err);
    case FLAG_MAX_MESSAGE:
        return set_message(what, value, &o->max_message, err);
    case FLAG_ANSWER_BYTES_TOTAL:
        return config_bytes(what, value, BYTES_MAX, &o->answer_bytes_total, err);
    case FLAG_MAX_STREAMS:
        return set_int(what, value, 1, 1 << 20, &o->max_streams, err);
    case FLAG_MAX_CONNECTIONS:
        return set_int(what, value, 1, 1 << 20, &o->max_connections, err);
    case FLAG_LOG_LEVEL:
        return set_level(what, value, &o->log_level, err);
    default:
        return set_int(what, value, 0, INT_MAX, &o->ready_fd, err);
    }
}

/* "tcp:" may stand before HOST:PORT. */
static int set_metrics(const char *what, const char *text, const char **ret_address,
                       struct viv_error *err)
{
    struct address address;
    struct viv_error why;

    if (strncmp(text, "tcp:", strlen("tcp:")) == 0)
        text += strlen("tcp:");
    if (address_parse(text, true, &address, &why) < 0 || address.tls || address.auth)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s wants unix:PATH[,mode=OCTAL] or HOST:PORT, not '%.200s'", what, text);
    *ret_address = text;
    return 0;
}

static int set_operations(struct options *o, enum options_flag flag, const char *what,
                          const char *value, struct viv_error *err)
{
    switch (flag) {
    case FLAG_TLS_CERT:
        o->tls_cert = value;
        return 0;
    case FLAG_TLS_KEY:
        o->tls_key = value;
        return 0;
    case FLAG_TLS_CLIENT_CA:
        o->tls_client_ca = value;
        return 0;
    case FLAG_TOKEN_FILE:
        o->token_file = value;
        return 0;
    case FLAG_METRICS:
        return set_metrics(what, value, &o->metrics, err);
    case FLAG_AUDIT:
        o->audit = value;
        return 0;
    default:
        o->audit_required = true;
        return value ? config_bool(what, value, &o->audit_required, err) : 0;
    }
}

int options_set(struct options *options, enum options_flag flag, const char *what,
                const char *value, struct viv_error *err)
{
    switch (flag) {
    case FLAG_TLS_CERT ... FLAG_AUDIT_REQUIRED:
        return set_operations(options, flag, what, value, err);
    case FLAG_UID_TENANT:
        return append(options, &options->uid_tenant, what, OPTIONS_CREDENTIALS_MAX, value, err);
    case FLAG_CERT_TENANT:
        return append(options, &options->cert_tenant, what, OPTIONS_CREDENTIALS_MAX, value, err);
    case FLAG_HASH_TOKEN:
        options->action = OPTIONS_HASH_TOKEN;
        return 0;
    case FLAG_STORE ... FLAG_SESSION_BYTES:
    case FLAG_MEMORY_STORE_BYTES:
        return set_session(options, flag, what, value, err);
    case FLAG_WORKER ... FLAG_TENANTS_MAX:
    case FLAG_REQUEST_BYTES_TOTAL:
    case FLAG_EXECUTION_COST_MIN:
        return set_pool(options, flag, what, value, err);
    case FLAG_CONFIG:
        options->config_path = value;
        return 0;
    case FLAG_CHECK_CONFIG:
        options->action = OPTIONS_CHECK;
        return 0;
    case FLAG_VERSION:
        options->action = OPTIONS_VERSION;
        return 0;
    case FLAG_HELP:
        options->action = OPTIONS_HELP;
        return 0;
    default:
        return set_service(options, flag, what, value, err);
    }
}
