#include "supervisor/service/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
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
    FLAG_MAX_MESSAGE,
    FLAG_MAX_STREAMS,
    FLAG_MAX_CONNECTIONS,
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
    {"max-message", required_argument, NULL, FLAG_MAX_MESSAGE},
    {"max-streams", required_argument, NULL, FLAG_MAX_STREAMS},
    {"max-connections", required_argument, NULL, FLAG_MAX_CONNECTIONS},
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
    "  --drain-grace SECONDS what SIGTERM leaves to running executions (10)\n"
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

static int parse_level(const char *text, enum log_level *ret_level, struct viv_error *err)
{
    int level = log_level_of(text);

    if (level < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--log-level must be debug, info, warn or error, not '%s'", text);
    *ret_level = (enum log_level)level;
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
    case FLAG_MAX_MESSAGE:
        return parse_int(name, value, 65536, 1 << 30, &o->max_message, err);
    case FLAG_MAX_STREAMS:
        return parse_int(name, value, 1, 1 << 20, &o->max_streams, err);
    case FLAG_MAX_CONNECTIONS:
        return parse_int(name, value, 1, 1 << 20, &o->max_connections, err);
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
    if (check_listen(&o, err) < 0)
        return -1;
    /* A small pool asked for is no contradiction to a floor nobody asked for. */
    if (o.config.workers_warm == warm_default && o.config.workers_warm > o.config.workers_max)
        o.config.workers_warm = o.config.workers_max;
    o.config.request_bytes_max = (uint64_t)o.max_message;
    o.config.result_bytes_max = (uint64_t)o.max_message;
    *ret_options = o;
    return 0;
}
