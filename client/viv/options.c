#include "client/viv/options.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

enum option_code {
    OPT_CODE = 'c',
    OPT_HELP = 'h',
    OPT_VERSION = 'V',
    OPT_TARGET = 256,
    OPT_TENANT,
    OPT_TOKEN_FILE,
    OPT_TLS_CA,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_JSON,
    OPT_TIMEOUT,
    OPT_CPU_TIME,
    OPT_GRACE,
    OPT_MEMORY,
    OPT_PIDS,
    OPT_OUTPUT,
    OPT_STREAM,
    OPT_NO_STREAM,
    OPT_ID,
    OPT_STDIN,
    OPT_REASON,
    OPT_FORCE,
    OPT_WAIT,
    OPT_SCOPE_IN,
    OPT_SCOPE_OUT,
    OPT_SESSION,
    OPT_WORKER_PROFILE,
    OPT_IDLE,
    OPT_DURABLE,
    OPT_NO_DURABLE,
    OPT_KEEP,
    OPT_PRIORITY,
    OPT_INTERVAL,
    OPT_LINES,
    OPT_LIBRARIES,
    OPT_OUT = 'o',
    OPT_ONCE = 300,
};

#define COMMON                                                   \
    {"target", required_argument, NULL, OPT_TARGET},             \
        {"tenant", required_argument, NULL, OPT_TENANT},         \
        {"token-file", required_argument, NULL, OPT_TOKEN_FILE}, \
        {"tls-ca", required_argument, NULL, OPT_TLS_CA},         \
        {"tls-cert", required_argument, NULL, OPT_TLS_CERT},     \
        {"tls-key", required_argument, NULL, OPT_TLS_KEY},       \
    {                                                            \
        "help", no_argument, NULL, OPT_HELP                      \
    }

static const struct option TOP[] = {COMMON, {"version", no_argument, NULL, OPT_VERSION}, {0}};

#define LIMITS                                               \
    {"timeout", required_argument, NULL, OPT_TIMEOUT},       \
        {"cpu-time", required_argument, NULL, OPT_CPU_TIME}, \
        {"grace", required_argument, NULL, OPT_GRACE},       \
        {"memory", required_argument, NULL, OPT_MEMORY},     \
        {"pids", required_argument, NULL, OPT_PIDS},         \
    {                                                        \
        "output", required_argument, NULL, OPT_OUTPUT        \
    }

#define RUN_OPTIONS                                                                               \
    COMMON, LIMITS, {"json", no_argument, NULL, OPT_JSON},                                        \
        {"stream", no_argument, NULL, OPT_STREAM},                                                \
        {"no-stream", no_argument, NULL, OPT_NO_STREAM}, {"id", required_argument, NULL, OPT_ID}, \
        {"stdin", required_argument, NULL, OPT_STDIN},                                            \
        {"priority", required_argument, NULL, OPT_PRIORITY},                                      \
        {"worker-profile", required_argument, NULL, OPT_WORKER_PROFILE},                          \
        {"session", required_argument, NULL, OPT_SESSION},                                        \
        {"scope-in", required_argument, NULL, OPT_SCOPE_IN},                                      \
    {                                                                                             \
        "scope-out", required_argument, NULL, OPT_SCOPE_OUT                                       \
    }

static const struct option RUN[] = {RUN_OPTIONS, {0}};

static const struct option PROFILE[] = {
    RUN_OPTIONS,
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"out", required_argument, NULL, OPT_OUT},
    {0},
};

static const struct option TRACE[] = {
    RUN_OPTIONS,
    {"lines", required_argument, NULL, OPT_LINES},
    {"libraries", no_argument, NULL, OPT_LIBRARIES},
    {"out", required_argument, NULL, OPT_OUT},
    {0},
};

static const struct option TOP_TABLE[] = {
    COMMON,
    {"json", no_argument, NULL, OPT_JSON},
    {"once", no_argument, NULL, OPT_ONCE},
    {0},
};

/* Of those that ask no supervisor. */
static const struct option LOCAL[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"json", no_argument, NULL, OPT_JSON},
    {0},
};

static const struct option PLAIN[] = {{"help", no_argument, NULL, OPT_HELP}, {0}};

static const struct option REPL[] = {
    COMMON,
    LIMITS,
    {"worker-profile", required_argument, NULL, OPT_WORKER_PROFILE},
    {"session", required_argument, NULL, OPT_SESSION},
    {"scope-in", required_argument, NULL, OPT_SCOPE_IN},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"no-durable", no_argument, NULL, OPT_NO_DURABLE},
    {"keep", no_argument, NULL, OPT_KEEP},
    {0},
};

static const struct option SESSION[] = {
    COMMON,
    {"json", no_argument, NULL, OPT_JSON},
    {"id", required_argument, NULL, OPT_ID},
    {"worker-profile", required_argument, NULL, OPT_WORKER_PROFILE},
    {"scope-in", required_argument, NULL, OPT_SCOPE_IN},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"durable", no_argument, NULL, OPT_DURABLE},
    {0},
};

static const struct option CANCEL[] = {
    COMMON,
    {"json", no_argument, NULL, OPT_JSON},
    {"reason", required_argument, NULL, OPT_REASON},
    {"force", no_argument, NULL, OPT_FORCE},
    {"wait", no_argument, NULL, OPT_WAIT},
    {0},
};

static const struct option ASK[] = {COMMON, {"json", no_argument, NULL, OPT_JSON}, {0}};

static const struct command {
    const char *name;
    const char *letters; /* for getopt; ':' first, so that we write the errors */
    const struct option *options;
} COMMANDS[VIV_COMMANDS] = {
    [VIV_COMMAND_RUN] = {"run", ":c:h", RUN},
    [VIV_COMMAND_CANCEL] = {"cancel", ":h", CANCEL},
    [VIV_COMMAND_PS] = {"ps", ":h", ASK},
    [VIV_COMMAND_TOP] = {"top", ":h", TOP_TABLE},
    [VIV_COMMAND_PROFILE] = {"profile", ":c:ho:", PROFILE},
    [VIV_COMMAND_TRACE] = {"trace", ":c:ho:", TRACE},
    [VIV_COMMAND_REPL] = {"repl", ":h", REPL},
    [VIV_COMMAND_SESSION] = {"session", ":h", SESSION},
    [VIV_COMMAND_SCOPE] = {"scope", ":h", LOCAL},
    [VIV_COMMAND_DESCRIBE] = {"describe", ":h", ASK},
    [VIV_COMMAND_DOCTOR] = {"doctor", ":h", LOCAL},
    [VIV_COMMAND_COMPLETION] = {"completion", ":h", PLAIN},
    [VIV_COMMAND_HELP] = {"help", ":h", PLAIN},
};

/* What follows viv scope and viv session. */
static const struct verb {
    enum viv_command command;
    const char *name;
    int operands;
    const char *wants;
} VERBS[VIV_VERBS] = {
    [VIV_VERB_SHOW] = {VIV_COMMAND_SCOPE, "show", 1, "one file"},
    [VIV_VERB_OPEN] = {VIV_COMMAND_SESSION, "open", 0, "options only"},
    [VIV_VERB_CLOSE] = {VIV_COMMAND_SESSION, "close", 1, "one session id"},
    [VIV_VERB_LIST] = {VIV_COMMAND_SESSION, "list", 0, "options only"},
    [VIV_VERB_SAVE] = {VIV_COMMAND_SESSION, "save", 2, "a session id and a file"},
    [VIV_VERB_LOAD] = {VIV_COMMAND_SESSION, "load", 2, "a session id and a file"},
};

const char *viv_options_command(enum viv_command command)
{
    return COMMANDS[command].name;
}

const struct option *viv_options_table(enum viv_command command)
{
    return COMMANDS[command].options;
}

const char *viv_options_verb(enum viv_command command, enum viv_verb verb)
{
    return VERBS[verb].command == command ? VERBS[verb].name : NULL;
}

/* ---- values ---- */

static int take_seconds(const char *option, const char *text, int64_t *ret_ns,
                        struct viv_error *err)
{
    if (!viv_options_seconds(text, ret_ns))
        return 0;
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s wants seconds, such as 2 or 0.5, not \"%.80s\"",
                    option, text);
}

static int take_size(const char *option, const char *text, uint64_t *ret_bytes,
                     struct viv_error *err)
{
    if (!viv_options_size(text, ret_bytes))
        return 0;
    return viv_fail(err, VIV_INVALID_ARGUMENT,
                    "%s wants bytes, such as 1000, 64k or 512M, not \"%.80s\"", option, text);
}

static int take_number(const char *option, const char *text, uint32_t *ret_number,
                       struct viv_error *err)
{
    uint64_t number;

    if (viv_options_size(text, &number) || number > UINT32_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s wants a number, not \"%.80s\"", option,
                        text);
    *ret_number = (uint32_t)number;
    return 0;
}

static int take_priority(const char *text, enum viv_client_priority *ret, struct viv_error *err)
{
    static const char *const names[] = {"low", "normal", "high"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *ret = (enum viv_client_priority)(VIV_CLIENT_PRIORITY_LOW + i);
        return 0;
    }
    return viv_fail(err, VIV_INVALID_ARGUMENT,
                    "--priority wants low, normal or high, not \"%.80s\"", text);
}

/* ---- options ---- */

static int take_limit(int code, const char *value, struct viv_client_limits *limits,
                      struct viv_error *err)
{
    switch (code) {
    case OPT_TIMEOUT:
        return take_seconds("--timeout", value, &limits->wall_time_ns, err);
    case OPT_CPU_TIME:
        return take_seconds("--cpu-time", value, &limits->cpu_time_ns, err);
    case OPT_GRACE:
        return take_seconds("--grace", value, &limits->cancel_grace_ns, err);
    case OPT_MEMORY:
        return take_size("--memory", value, &limits->memory_bytes, err);
    case OPT_OUTPUT:
        return take_size("--output", value, &limits->output_bytes, err);
    default:
        return take_number("--pids", value, &limits->pids, err);
    }
}

static void take_text(int code, const char *value, struct viv_options *o)
{
    switch (code) {
    case OPT_CODE:
        o->code = value;
        break;
    case OPT_TARGET:
        o->target = value;
        break;
    case OPT_TENANT:
        o->tenant = value;
        break;
    case OPT_TOKEN_FILE:
        o->token_file = value;
        break;
    case OPT_TLS_CA:
        o->tls_ca = value;
        break;
    case OPT_TLS_CERT:
        o->tls_cert = value;
        break;
    case OPT_TLS_KEY:
        o->tls_key = value;
        break;
    case OPT_ID:
        o->id = value;
        break;
    case OPT_STDIN:
        o->input = value;
        break;
    case OPT_SCOPE_IN:
        o->scope_in = value;
        break;
    case OPT_SCOPE_OUT:
        o->scope_out = value;
        break;
    case OPT_SESSION:
        o->session = value;
        break;
    case OPT_OUT:
        o->out = value;
        break;
    case OPT_WORKER_PROFILE:
        o->worker_profile = value;
        break;
    default:
        o->reason = value;
    }
}

static void take_flag(int code, struct viv_options *o)
{
    switch (code) {
    case OPT_JSON:
        o->json = true;
        break;
    case OPT_FORCE:
        o->force = true;
        break;
    case OPT_WAIT:
        o->wait = true;
        break;
    case OPT_DURABLE:
        o->durable = true;
        break;
    case OPT_NO_DURABLE:
        o->no_durable = true;
        break;
    case OPT_KEEP:
        o->keep = true;
        break;
    case OPT_LIBRARIES:
        o->libraries = true;
        break;
    case OPT_ONCE:
        o->once = true;
        break;
    case OPT_HELP:
        o->topic = o->command;
        o->command = VIV_COMMAND_HELP;
        break;
    default:
        o->command = VIV_COMMAND_VERSION;
    }
}

/* What getopt_long() made of one argument. */
static int take(int code, const char *value, struct viv_options *o, int *stream,
                struct viv_error *err)
{
    if (code == OPT_STREAM || code == OPT_NO_STREAM) {
        *stream = code;
        return 0;
    }
    if (code >= OPT_TIMEOUT && code <= OPT_OUTPUT)
        return take_limit(code, value, &o->limits, err);
    if (code == OPT_IDLE)
        return take_seconds("--idle", value, &o->idle_ns, err);
    if (code == OPT_INTERVAL)
        return take_seconds("--interval", value, &o->interval_ns, err);
    if (code == OPT_LINES)
        return take_number("--lines", value, &o->lines, err);
    if (code == OPT_PRIORITY)
        return take_priority(value, &o->priority, err);
    if (value)
        take_text(code, value, o);
    else
        take_flag(code, o);
    return 0;
}

/* After '?' or ':'. getopt tells little: a letter, or the argument before. */
static int complain(int code, char **argv, const char *command, struct viv_error *err)
{
    const char *argument = argv[optind - 1];
    bool is_long = !strncmp(argument, "--", 2);

    if (code == ':')
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: %.80s wants a value", command, argument);
    if (is_long && optopt)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: %.80s: it takes no value", command,
                        argument);
    if (is_long)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: no option %.80s", command, argument);
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: no option -%c", command,
                    isprint(optopt) ? optopt : '?');
}

static int parse_options(int argc, char **argv, const struct command *c, struct viv_options *o,
                         int *stream, struct viv_error *err)
{
    enum viv_command command = o->command;
    int code;

    opterr = 0;
    optind = 0; /* begins anew, as glibc wants it said */
    while ((code = getopt_long(argc, argv, c->letters, c->options, NULL)) != -1) {
        if (code == '?' || code == ':')
            return complain(code, argv, c->name, err);
        if (take(code, optarg, o, stream, err))
            return -1;
        if (o->command != command)
            return 0; /* --help: whatever follows */
    }
    return 0;
}

/* ---- commands ---- */

static enum viv_command find_command(const char *name)
{
    for (int i = 0; i < VIV_COMMANDS; i++)
        if (COMMANDS[i].name && !strcmp(COMMANDS[i].name, name))
            return (enum viv_command)i;
    return VIV_COMMAND_NONE;
}

static bool is_stdin(const char *path)
{
    return path && !strcmp(path, "-");
}

static int finish_run(int count, char **arguments, int stream, struct viv_options *o,
                      struct viv_error *err)
{
    const char *name = COMMANDS[o->command].name;

    if (count > (o->code ? 0 : 1))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: what is \"%.80s\"? One piece of code "
                        "at a time: -c CODE, FILE or -",
                        name, arguments[o->code ? 0 : 1]);
    if (stream == OPT_STREAM && o->json)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: --json prints one object at the end: it goes without --stream", name);
    if (count && strcmp(arguments[0], "-") != 0)
        o->file = arguments[0];
    if ((!o->code && !o->file) + is_stdin(o->input) + is_stdin(o->scope_in) > 1)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: of the code, --stdin and --scope-in, only one can come from "
                        "standard input",
                        name);
    if (o->session && o->scope_in)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s: a session has a scope: --scope-in goes without --session", name);
    o->live = stream != OPT_NO_STREAM && !o->json;
    return 0;
}

static int finish_repl(int count, char **arguments, struct viv_options *o, struct viv_error *err)
{
    if (count)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "repl: what is \"%.80s\"? It takes options only; a script comes from "
                        "standard input",
                        arguments[0]);
    if (o->session && (o->scope_in || o->idle_ns || o->no_durable))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "repl: --scope-in, --idle and --no-durable are for a new session: they go "
                        "without --session");
    if (is_stdin(o->scope_in))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "repl: --scope-in wants a file: standard input is for code");
    o->durable = !o->no_durable;
    return 0;
}

/* The first argument says what to do, the rest to what. */
static int finish_verb(int count, char **arguments, struct viv_options *o, struct viv_error *err)
{
    const char *command = COMMANDS[o->command].name;

    for (int i = 0; i < VIV_VERBS && count; i++)
        if (VERBS[i].command == o->command && !strcmp(VERBS[i].name, arguments[0]))
            o->verb = (enum viv_verb)i;
    if (o->verb == VIV_VERB_NONE)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: what to do? Try viv help %s", command,
                        command);
    if (count - 1 != VERBS[o->verb].operands)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s %s: want %s", command, arguments[0],
                        VERBS[o->verb].wants);
    if (o->verb != VIV_VERB_OPEN && (o->id || o->scope_in || o->idle_ns || o->durable))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "session %s: --id, --scope-in, --idle and --durable are for session open",
                        arguments[0]);
    if (o->verb == VIV_VERB_SHOW)
        o->file = arguments[1];
    else if (count > 1)
        o->session = arguments[1];
    if (count > 2)
        o->file = arguments[2];
    return 0;
}

static int finish_cancel(int count, char **arguments, struct viv_options *o, struct viv_error *err)
{
    if (count != 1)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "cancel: want one execution id, not %d", count);
    o->id = arguments[0];
    return 0;
}

static int finish_completion(int count, char **arguments, struct viv_options *o,
                             struct viv_error *err)
{
    if (count != 1 || (strcmp(arguments[0], "bash") != 0 && strcmp(arguments[0], "zsh") != 0))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "completion: for which shell, bash or zsh?");
    o->shell = arguments[0];
    return 0;
}

static int finish_help(int count, char **arguments, struct viv_options *o, struct viv_error *err)
{
    if (count)
        o->topic = find_command(arguments[0]);
    if (count > 1 || (count && o->topic == VIV_COMMAND_NONE))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "help: no command \"%.80s\"",
                        arguments[count - 1]);
    return 0;
}

static int finish(int count, char **arguments, int stream, struct viv_options *o,
                  struct viv_error *err)
{
    switch (o->command) {
    case VIV_COMMAND_RUN:
    case VIV_COMMAND_PROFILE:
    case VIV_COMMAND_TRACE:
        return finish_run(count, arguments, stream, o, err);
    case VIV_COMMAND_CANCEL:
        return finish_cancel(count, arguments, o, err);
    case VIV_COMMAND_REPL:
        return finish_repl(count, arguments, o, err);
    case VIV_COMMAND_SCOPE:
    case VIV_COMMAND_SESSION:
        return finish_verb(count, arguments, o, err);
    case VIV_COMMAND_COMPLETION:
        return finish_completion(count, arguments, o, err);
    case VIV_COMMAND_HELP:
        return finish_help(count, arguments, o, err);
    default:
        if (!count)
            return 0;
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s: what is \"%.80s\"? It takes options only",
                        COMMANDS[o->command].name, arguments[0]);
    }
}

int viv_options_parse(int argc, char **argv, struct viv_options *ret_options, struct viv_error *err)
{
    static const struct command top = {"viv", "+:hV", TOP};
    struct viv_options o = {0};
    int stream = 0;

    if (parse_options(argc, argv, &top, &o, &stream, err))
        return -1;
    if (o.command == VIV_COMMAND_NONE) {
        if (optind >= argc)
            return viv_fail(err, VIV_INVALID_ARGUMENT, "no command: try viv help");
        o.command = find_command(argv[optind]);
        if (o.command == VIV_COMMAND_NONE)
            return viv_fail(err, VIV_INVALID_ARGUMENT, "no command \"%.80s\": try viv help",
                            argv[optind]);
        argc -= optind;
        argv += optind;
        if (parse_options(argc, argv, &COMMANDS[o.command], &o, &stream, err))
            return -1;
        if (o.command != VIV_COMMAND_HELP || !o.topic)
            if (finish(argc - optind, argv + optind, stream, &o, err))
                return -1;
    }
    *ret_options = o;
    return 0;
}
