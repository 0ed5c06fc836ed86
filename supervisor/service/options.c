#include "supervisor/service/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/address.h"

enum flag {
    FLAG_LISTEN = 256,
    FLAG_INSECURE_TCP,
    FLAG_WORKER,
    FLAG_PRELOAD,
    FLAG_WORKERS_WARM,
    FLAG_WORKERS_MAX,
    FLAG_QUEUE_MAX,
    FLAG_DRAIN_GRACE,
    FLAG_ALLOW_ABSENT,
    FLAG_MAX_MESSAGE,
    FLAG_MAX_STREAMS,
    FLAG_MAX_CONNECTIONS,
    FLAG_STORE,
    FLAG_STORE_KEY,
    FLAG_STORE_OLD_KEY,
    FLAG_NODE,
    FLAG_SESSIONS_MAX,
    FLAG_SESSIONS_RESIDENT,
    FLAG_SESSION_IDLE,
    FLAG_SESSION_LEASE,
    FLAG_SESSION_BYTES,
    FLAG_READY_FD,
    FLAG_LOG_LEVEL,
    FLAG_VERSION,
    FLAG_HELP,
};

static const struct option flags[] = {
    {"listen", required_argument, NULL, FLAG_LISTEN},
    {"insecure-tcp", no_argument, NULL, FLAG_INSECURE_TCP},
    {"worker", required_argument, NULL, FLAG_WORKER},
    {"preload", required_argument, NULL, FLAG_PRELOAD},
    {"workers-warm", required_argument, NULL, FLAG_WORKERS_WARM},
    {"workers-max", required_argument, NULL, FLAG_WORKERS_MAX},
    {"queue-max", required_argument, NULL, FLAG_QUEUE_MAX},
    {"drain-grace", required_argument, NULL, FLAG_DRAIN_GRACE},
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

static const char help[] =
    "usage: vivariumd [FLAGS]\n"
    "\n"
    "Runs Python code that nobody trusts, in jailed processes, for clients of the\n"
    "gRPC service vivarium.v1.Vivarium.\n"
    "\n"
    "  --listen ADDRESS      unix:PATH or HOST:PORT; may be repeated. Default:\n"
    "                        $XDG_RUNTIME_DIR/vivarium/vivarium.sock, as root\n"
    "                        /run/vivarium/vivarium.sock; only its owner may connect\n"
    "  --insecure-tcp        permit HOST:PORT beyond loopback, although whoever\n"
    "                        reaches the port may then run code as any tenant\n"
    "  --worker PATH         the worker binary; default: beside this one\n"
    "  --preload MODULE      a module that workers have imported; may be repeated\n"
    "  --workers-warm N      workers kept ready (4)\n"
    "  --workers-max N       workers at a time (32)\n"
    "  --queue-max N         executions that wait for a worker (1024)\n"
    "  --store PATH|URL      where sessions are kept: a file (SQLite), redis://HOST:PORT,\n"
    "                        redis+unix:///PATH, or memory: (the default), which forgets\n"
    "                        them at the end\n"
    "  --store-key FILE      the key that seals what is stored, made where it is absent;\n"
    "                        default: beside the file, as PATH.key\n"
    "  --store-old-key FILE  a key of before; may be repeated\n"
    "  --node NAME           this one's name among the supervisors of a store; default:\n"
    "                        from the host's name and the first address\n"
    "  --sessions-max N      sessions in use at a time (256)\n"
    "  --sessions-resident N of those, that a warm worker holds (half of workers-max)\n"
    "  --session-idle SECONDS  closed after this long without use, unless a session\n"
    "                        says otherwise (3600); 0: never\n"
    "  --session-lease SECONDS  how long other supervisors of the store wait after this\n"
    "                        one has crashed (60 with Redis, 600 with a file)\n"
    "  --session-bytes BYTES what a tenant may have stored (1073741824); 0: any\n"
    "  --drain-grace SECONDS what SIGTERM leaves to running executions (10)\n"
    "  --allow-absent NAME   start although this layer of isolation is missing here;\n"
    "                        may be repeated. Without it a missing one stops the start\n"
    "  --max-message BYTES   largest request and response (67108864)\n"
    "  --max-streams N       calls at a time per connection (1024)\n"
    "  --max-connections N   connections at a time (4096)\n"
    "  --ready-fd N          write a newline to this descriptor when all listens\n"
    "  --log-level LEVEL     debug, info, warn or error (info)\n"
    "  --version             print the version\n"
    "  --help                print this\n";

const char *options_help(void)
{
    return help;
}

static int parse_number(const char *flag, const char *text, long long low, long long high,
                        long long *ret_value, struct viv_error *err)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < low || value > high)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--%s must be a whole number from %lld to %lld, not '%s'", flag, low, high,
                        text);
    *ret_value = value;
    return 0;
}

static int parse_unsigned(const char *flag, const char *text, unsigned low, unsigned *ret_value,
                          struct viv_error *err)
{
    long long value;

    if (parse_number(flag, text, low, 65536, &value, err) < 0)
        return -1;
    *ret_value = (unsigned)value;
    return 0;
}

static int parse_int(const char *flag, const char *text, int low, int high, int *ret_value,
                     struct viv_error *err)
{
    long long value;

    if (parse_number(flag, text, low, high, &value, err) < 0)
        return -1;
    *ret_value = (int)value;
    return 0;
}

static int parse_seconds(const char *flag, const char *text, int64_t *ret_ns, struct viv_error *err)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > 86400)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--%s must be a number of seconds from 0 to 86400, not '%s'", flag, text);
    *ret_ns = (int64_t)(value * 1e9);
    return 0;
}

static int append(const char *flag, const char **list, size_t max, const char *value,
                  struct viv_error *err)
{
    for (size_t i = 0; i < max; i++) {
        if (!list[i]) {
            list[i] = value;
            return 0;
        }
    }
    return viv_fail(err, VIV_INVALID_ARGUMENT, "--%s may be given %zu times at most", flag, max);
}

static int parse_bytes(const char *flag, const char *text, uint64_t *ret_bytes,
                       struct viv_error *err)
{
    long long value;

    if (parse_number(flag, text, 0, LLONG_MAX, &value, err) < 0)
        return -1;
    *ret_bytes = (uint64_t)value;
    return 0;
}

static int parse_idle(const char *flag, const char *text, int64_t most_ns, int64_t *ret_ns,
                      struct viv_error *err)
{
    long long value;

    if (parse_number(flag, text, 0, most_ns / 1000000000, &value, err) < 0)
        return -1;
    *ret_ns = value * 1000000000;
    return 0;
}

static int apply_sessions(struct options *o, int flag, const char *name, const char *value,
                          struct viv_error *err)
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
        return append(name, o->old_keys, OPTIONS_KEYS_MAX, value, err);
    case FLAG_NODE:
        s->node = value;
        return 0;
    case FLAG_SESSIONS_MAX:
        return parse_unsigned(name, value, 1, &s->max, err);
    case FLAG_SESSIONS_RESIDENT:
        return parse_unsigned(name, value, 1, &s->resident_max, err);
    case FLAG_SESSION_IDLE:
        return parse_idle(name, value, s->idle_timeout_max_ns, &s->idle_timeout_ns, err);
    case FLAG_SESSION_LEASE:
        return parse_seconds(name, value, &s->lease_ns, err);
    default:
        return parse_bytes(name, value, &s->tenant_bytes_max, err);
    }
}

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

static int parse_level(const char *text, enum log_level *ret_level, struct viv_error *err)
{
    int level = log_level_of(text);

    if (level < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--log-level must be debug, info, warn or error, not '%s'", text);
    *ret_level = (enum log_level)level;
    return 0;
}

static int add_layer(const char *name, uint64_t *mask, struct viv_error *err)
{
    struct viv_error why;
    uint64_t bit;

    if (viv_layer_find(name, &bit, &why) < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--allow-absent: %.400s", why.text);
    *mask |= bit;
    return 0;
}

static int apply(struct options *o, int flag, const char *name, const char *value,
                 struct viv_error *err)
{
    switch (flag) {
    case FLAG_LISTEN:
        return append(name, o->listen, OPTIONS_LISTEN_MAX, value, err);
    case FLAG_INSECURE_TCP:
        o->insecure_tcp = true;
        return 0;
    case FLAG_WORKER:
        o->config.worker_path = value;
        return 0;
    case FLAG_PRELOAD:
        return append(name, o->preload, OPTIONS_PRELOAD_MAX, value, err);
    case FLAG_WORKERS_WARM:
        return parse_unsigned(name, value, 0, &o->config.workers_warm, err);
    case FLAG_WORKERS_MAX:
        return parse_unsigned(name, value, 1, &o->config.workers_max, err);
    case FLAG_QUEUE_MAX:
        return parse_unsigned(name, value, 0, &o->config.queue_max, err);
    case FLAG_DRAIN_GRACE:
        return parse_seconds(name, value, &o->drain_grace_ns, err);
    case FLAG_ALLOW_ABSENT:
        return add_layer(value, &o->config.allow_absent, err);
    case FLAG_MAX_MESSAGE:
        return parse_int(name, value, 65536, 1 << 30, &o->max_message, err);
    case FLAG_MAX_STREAMS:
        return parse_int(name, value, 1, 1 << 20, &o->max_streams, err);
    case FLAG_MAX_CONNECTIONS:
        return parse_int(name, value, 1, 1 << 20, &o->max_connections, err);
    case FLAG_STORE ... FLAG_SESSION_BYTES:
        return apply_sessions(o, flag, name, value, err);
    case FLAG_READY_FD:
        return parse_int(name, value, 0, INT_MAX, &o->ready_fd, err);
    case FLAG_LOG_LEVEL:
        return parse_level(value, &o->log_level, err);
    case FLAG_VERSION:
        o->action = OPTIONS_VERSION;
        return 0;
    default:
        o->action = OPTIONS_HELP;
        return 0;
    }
}

static void set_defaults(struct options *o)
{
    *o = (struct options){
        .drain_grace_ns = INT64_C(10000000000),
        .max_message = 64 << 20,
        .max_streams = 1024,
        .max_connections = 4096,
        .ready_fd = -1,
        .log_level = LOG_LEVEL_INFO,
    };
    viv_config_init(&o->config);
}

static int wrong_flag(int code, const char *word, struct viv_error *err)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: %s; see vivariumd --help",
                    code == ':' ? "this flag wants a value" : "no such flag", word);
}

/* At the end, since --insecure-tcp may stand anywhere. */
static int check_listen(const struct options *o, struct viv_error *err)
{
    struct address address;

    for (size_t i = 0; o->listen[i]; i++)
        if (address_parse(o->listen[i], o->insecure_tcp, &address, err) < 0)
            return -1;
    return 0;
}

int options_parse(int argc, char *const *argv, struct options *ret_options, struct viv_error *err)
{
    unsigned warm_default;
    struct options o;
    int code, index = 0;

    set_defaults(&o);
    warm_default = o.config.workers_warm;
    optind = 0; /* a fresh start, also where this runs more than once */
    opterr = 0;
    while ((code = getopt_long(argc, argv, "+:", flags, &index)) != -1) {
        if (code == '?' || code == ':')
            return wrong_flag(code, argv[optind - 1], err);
        if (apply(&o, code, flags[index].name, optarg, err) < 0)
            return -1;
    }
    if (optind < argc)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "unexpected word '%s'; see vivariumd --help",
                        argv[optind]);
    if (check_listen(&o, err) < 0 || complete_store(&o, err) < 0)
        return -1;
    /* A small pool asked for is no contradiction to a floor nobody asked for. */
    if (o.config.workers_warm == warm_default && o.config.workers_warm > o.config.workers_max)
        o.config.workers_warm = o.config.workers_max;
    o.config.request_bytes_max = (uint64_t)o.max_message;
    o.config.result_bytes_max = (uint64_t)o.max_message;
    *ret_options = o;
    return 0;
}
