#include "supervisor/service/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/address.h"
#include "supervisor/service/options_set.h"

#define ANSWER_BYTES (UINT64_C(1) << 30)

/* Also the names of the environment's variables and of the file's keys, in their
 * spelling. */
static const struct option flags[] = {
    {"config", required_argument, NULL, FLAG_CONFIG},
    {"check-config", no_argument, NULL, FLAG_CHECK_CONFIG},
    {"listen", required_argument, NULL, FLAG_LISTEN},
    {"insecure-tcp", no_argument, NULL, FLAG_INSECURE_TCP},
    {"tls-cert", required_argument, NULL, FLAG_TLS_CERT},
    {"tls-key", required_argument, NULL, FLAG_TLS_KEY},
    {"tls-client-ca", required_argument, NULL, FLAG_TLS_CLIENT_CA},
    {"token-file", required_argument, NULL, FLAG_TOKEN_FILE},
    {"uid-tenant", required_argument, NULL, FLAG_UID_TENANT},
    {"cert-tenant", required_argument, NULL, FLAG_CERT_TENANT},
    {"hash-token", no_argument, NULL, FLAG_HASH_TOKEN},
    {"metrics", required_argument, NULL, FLAG_METRICS},
    {"audit", required_argument, NULL, FLAG_AUDIT},
    {"audit-required", no_argument, NULL, FLAG_AUDIT_REQUIRED},
    {"worker", required_argument, NULL, FLAG_WORKER},
    {"preload", required_argument, NULL, FLAG_PRELOAD},
    {"workers-warm", required_argument, NULL, FLAG_WORKERS_WARM},
    {"workers-max", required_argument, NULL, FLAG_WORKERS_MAX},
    {"queue-max", required_argument, NULL, FLAG_QUEUE_MAX},
    {"tenant-memory", required_argument, NULL, FLAG_TENANT_MEMORY},
    {"tenant-pids", required_argument, NULL, FLAG_TENANT_PIDS},
    {"tenant-cpus", required_argument, NULL, FLAG_TENANT_CPUS},
    {"worker-cpus", required_argument, NULL, FLAG_WORKER_CPUS},
    {"tenants-max", required_argument, NULL, FLAG_TENANTS_MAX},
    {"drain-grace", required_argument, NULL, FLAG_DRAIN_GRACE},
    {"request-timeout", required_argument, NULL, FLAG_REQUEST_TIMEOUT},
    {"output-stall", required_argument, NULL, FLAG_OUTPUT_STALL},
    {"allow-absent", required_argument, NULL, FLAG_ALLOW_ABSENT},
    {"max-message", required_argument, NULL, FLAG_MAX_MESSAGE},
    {"max-streams", required_argument, NULL, FLAG_MAX_STREAMS},
    {"max-connections", required_argument, NULL, FLAG_MAX_CONNECTIONS},
    {"store", required_argument, NULL, FLAG_STORE},
    {"store-key", required_argument, NULL, FLAG_STORE_KEY},
    {"store-old-key", required_argument, NULL, FLAG_STORE_OLD_KEY},
    {"node", required_argument, NULL, FLAG_NODE},
    {"sessions-max", required_argument, NULL, FLAG_SESSIONS_MAX},
    {"sessions-resident", required_argument, NULL, FLAG_SESSIONS_RESIDENT},
    {"session-idle", required_argument, NULL, FLAG_SESSION_IDLE},
    {"session-lease", required_argument, NULL, FLAG_SESSION_LEASE},
    {"session-bytes", required_argument, NULL, FLAG_SESSION_BYTES},
    {"ready-fd", required_argument, NULL, FLAG_READY_FD},
    {"log-level", required_argument, NULL, FLAG_LOG_LEVEL},
    {"version", no_argument, NULL, FLAG_VERSION},
    {"help", no_argument, NULL, FLAG_HELP},
    {NULL, 0, NULL, 0},
};

/* Of the file and the environment. */
static const struct option no_flags[] = {
    {"store-old-keys", required_argument, NULL, FLAG_STORE_OLD_KEY},
    {"request-bytes-total", required_argument, NULL, FLAG_REQUEST_BYTES_TOTAL},
    {"memory-store-bytes", required_argument, NULL, FLAG_MEMORY_STORE_BYTES},
    {"answer-bytes-total", required_argument, NULL, FLAG_ANSWER_BYTES_TOTAL},
    {"execution-cost-min", required_argument, NULL, FLAG_EXECUTION_COST_MIN},
    {NULL, 0, NULL, 0},
};

/* A path is SQLite's, and its key lies beside it. */
static int complete_store(struct options *o, struct viv_error *err)
{
    struct viv_session_config *s = &o->config.sessions;
    const char *path = s->store_url;
    int url_len, key_len;

    if (path && strncmp(path, "sqlite:", 7) == 0)
        path += 7;
    else if (path && strchr(path, ':'))
        path = NULL;
    if (!path)
        return 0;
    url_len = snprintf(o->store_url, sizeof(o->store_url), "sqlite:%s", path);
    key_len = snprintf(o->store_key, sizeof(o->store_key), "%s.key", path);
    if (url_len >= OPTIONS_STORE_MAX || key_len >= OPTIONS_STORE_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--store: the path is too long");
    if (s->store_key_path)
        o->store_key[0] = '\0';
    return 0;
}

static void set_defaults(struct options *o)
{
    *o = (struct options){
        .drain_grace_ns = INT64_C(10000000000),
        .request_timeout_ns = INT64_C(60000000000),
        .max_message = 64 << 20,
        .answer_bytes_total = ANSWER_BYTES,
        .max_streams = 256,
        .max_connections = 1024,
        .ready_fd = -1,
        .log_level = LOG_LEVEL_INFO,
    };
    viv_config_init(&o->config);
    o->config.callers_run = true; /* calls submit without a lock */
}

/* --- the file ------------------------------------------------------------------ */

/* "queue_max" of "queue-max". */
static bool is_spelling(const char *key, const char *name)
{
    for (; *key && *name; key++, name++)
        if (*key != *name && !(*key == '_' && *name == '-'))
            return false;
    return *key == *name;
}

static int set_key(void *arg, const char *key, const char *value, struct viv_error *err)
{
    const struct option *tables[] = {flags, no_flags};

    for (int i = 0; i < 2; i++)
        for (const struct option *f = tables[i]; f->name; f++)
            if (is_spelling(key, f->name))
                return options_set(arg, (enum options_flag)f->val, key, value, err);
    return viv_fail(err, VIV_INTERNAL, "no setting belongs to the key %s", key);
}

static int take_file(struct options *o, struct viv_error *err)
{
    const struct config_setter setter = {set_key, o};

    if (!o->config_path)
        return 0;
    o->source = OPTIONS_FILE;
    if (config_load(o->config_path, &o->file, err) < 0 || config_each(o->file, &setter, err) < 0)
        return -1;
    return config_limits(o->file, &o->config, err);
}

/* --- the environment -------------------------------------------------------------- */

static const char *variable(const char *name, char ret_variable[64])
{
    int len = snprintf(ret_variable, 64, "VIVARIUM_%s", name);

    for (int i = 0; i < len; i++)
        ret_variable[i] = ret_variable[i] == '-' ? '_'
                                                 : (char)toupper((unsigned char)ret_variable[i]);
    return getenv(ret_variable);
}

static bool is_list(int flag)
{
    return flag == FLAG_LISTEN || flag == FLAG_PRELOAD || flag == FLAG_STORE_OLD_KEY ||
           flag == FLAG_ALLOW_ABSENT;
}

/* Words between spaces; they stay in a copy that the options own. */
static int take_list(struct options *o, enum options_flag flag, const char *what, const char *value,
                     struct viv_error *err)
{
    char *copy = strdup(value), *rest = copy;

    if (!copy || o->copy_count == OPTIONS_COPIES_MAX) {
        free(copy);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    }
    o->copies[o->copy_count++] = copy;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (options_set(o, flag, what, word, err) < 0)
            return -1;
    return 0;
}

static int take_variables(struct options *o, const struct option *table, struct viv_error *err)
{
    for (const struct option *f = table; f->name; f++) {
        enum options_flag flag = (enum options_flag)f->val;
        char what[64];
        const char *value = flag < FLAG_READY_FD ? variable(f->name, what) : NULL;
        int rc;

        if (!value)
            continue;
        rc = is_list(f->val) ? take_list(o, flag, what, value, err)
                             : options_set(o, flag, what, value, err);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int take_environment(struct options *o, struct viv_error *err)
{
    o->source = OPTIONS_ENVIRONMENT;
    return take_variables(o, flags, err) < 0 || take_variables(o, no_flags, err) < 0 ? -1 : 0;
}

/* --- flags ------------------------------------------------------------------------ */

static int wrong_flag(int code, const char *word, struct viv_error *err)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: %s; see vivariumd --help",
                    code == ':' ? "this flag wants a value" : "no such flag", word);
}

/* Those that decide where the others come from are looked at before them:
 * `first` tells which ones. */
static int take_flags(struct options *o, bool first, struct viv_error *err)
{
    int code, index = 0;

    optind = 0; /* a fresh start, also where this runs more than once */
    opterr = 0;
    o->source = OPTIONS_FLAGS;
    while ((code = getopt_long(o->argc, o->argv, "+:", flags, &index)) != -1) {
        char what[64];

        if (code == '?' || code == ':')
            return wrong_flag(code, o->argv[optind - 1], err);
        snprintf(what, sizeof(what), "--%s", flags[index].name);
        if (first == (code >= FLAG_CONFIG) &&
            options_set(o, (enum options_flag)code, what, optarg, err) < 0)
            return -1;
    }
    if (optind < o->argc)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "unexpected word '%s'; see vivariumd --help",
                        o->argv[optind]);
    return 0;
}

/* --- all of them --------------------------------------------------------------------- */

/* At the end, since insecure_tcp may be said anywhere. */
static int check_listen(const struct options *o, struct viv_error *err)
{
    struct address address;
    char path[32];

    for (size_t i = 0; i < o->listen.count; i++) {
        if (address_parse(o->listen.words[i], o->insecure_tcp, &address, err) == 0)
            continue;
        snprintf(path, sizeof(path), "listen[%zu]", i);
        return o->listen.source == OPTIONS_FILE ? config_at(o->file, path, err) : -1;
    }
    return 0;
}

static int check_together(const struct options *o, struct viv_error *err)
{
    /* Half of it is what a tenant alone may have. */
    if (o->answer_bytes_total < 2 * (uint64_t)o->max_message)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "answer_bytes_total must be at least twice max_message");
    if ((o->tls_cert == NULL) != (o->tls_key == NULL))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--tls-cert and --tls-key go together");
    if (o->tls_client_ca && !o->tls_cert)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--tls-client-ca wants --tls-cert");
    if (o->cert_tenant.count > 0 && !o->tls_client_ca)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--cert-tenant wants --tls-client-ca: a name counts where somebody has "
                        "vouched for it");
    if (o->audit_required && !o->audit)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--audit-required wants --audit");
    return 0;
}

/* A small pool asked for is no contradiction to a floor nobody asked for. */
static void lower_floor(struct viv_config *c)
{
    uint64_t others = 0;

    for (size_t i = 0; i < c->profile_count; i++)
        others += c->profiles[i].workers_warm;
    if (c->workers_warm + others > c->workers_max)
        c->workers_warm = c->workers_max > others ? c->workers_max - (unsigned)others : 0;
}

static int take_all(struct options *o, struct viv_error *err)
{
    unsigned warm_default = o->config.workers_warm;

    if (take_file(o, err) < 0 || take_environment(o, err) < 0 || take_flags(o, false, err) < 0)
        return -1;
    if (o->file)
        config_profiles(o->file, &o->config);
    if (o->config.workers_warm == warm_default)
        lower_floor(&o->config);
    /* A small pool asked for is no contradiction to a floor nobody asked for. */
    if (o->config.workers_warm == warm_default && o->config.workers_warm > o->config.workers_max)
        o->config.workers_warm = o->config.workers_max;
    if (o->answer_bytes_total == ANSWER_BYTES && ANSWER_BYTES < 2 * (uint64_t)o->max_message)
        o->answer_bytes_total = 2 * (uint64_t)o->max_message;
    o->config.request_bytes_max = (uint64_t)o->max_message;
    o->config.result_bytes_max = (uint64_t)o->max_message;
    if (o->file && config_profiles_check(o->file, &o->config, err) < 0)
        return -1;
    if (check_listen(o, err) < 0 || check_together(o, err) < 0 || complete_store(o, err) < 0 ||
        viv_config_check(&o->config, err) < 0)
        return -1;
    return o->file ? config_tenants(o->file, &o->config, &o->tenants, &o->tenant_count, err) : 0;
}

int options_parse(int argc, char *const *argv, struct options *ret_options, struct viv_error *err)
{
    struct options o;

    set_defaults(&o);
    o.argc = argc;
    o.argv = argv;
    o.config_path = getenv("VIVARIUM_CONFIG");
    if (take_flags(&o, true, err) < 0 ||
        (o.action == OPTIONS_HASH_TOKEN && take_flags(&o, false, err) < 0) ||
        ((o.action == OPTIONS_SERVE || o.action == OPTIONS_CHECK) && take_all(&o, err) < 0)) {
        options_free(&o);
        return -1;
    }
    *ret_options = o;
    return 0;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->copy_count; i++)
        free(options->copies[i]);
    free(options->tenants);
    config_free(options->file);
}
