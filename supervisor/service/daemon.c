#include "supervisor/service/daemon.h"

#include <errno.h>
#include <grpc/grpc.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/acceptor.h"
#include "supervisor/service/access.h"
#include "supervisor/service/listen.h"
#include "supervisor/service/notify.h"
#include "supervisor/service/operations.h"
#include "supervisor/service/server.h"

/* What calls that are still being answered get once no execution is left. */
#define STOP_GRACE_NS INT64_C(2000000000)

struct daemon {
    const struct options *options;
    struct listener listeners[OPTIONS_LISTEN_MAX];
    size_t listener_count;
    struct viv_supervisor *supervisor;
    struct server *server;
    struct access access;
    struct operations operations;
    struct acceptor *acceptor;
    int signal_fd;
    int drained_fd;
};

void daemon_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    sigaddset(ret_set, SIGUSR1);
}

static int lock_listener(struct daemon *d, const char *text, struct viv_error *err)
{
    struct address address;

    if (address_parse(text, d->options->insecure_tcp, &address, err) < 0 ||
        listener_lock(&address, &d->listeners[d->listener_count], err) < 0)
        return -1;
    d->listener_count++;
    return 0;
}

static int lock_listeners(struct daemon *d, struct viv_error *err)
{
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < d->options->listen.count; i++)
        if (lock_listener(d, d->options->listen.words[i], err) < 0)
            return -1;
    if (d->listener_count > 0)
        return 0;
    if (address_default(geteuid(), getenv("XDG_RUNTIME_DIR"), text, err) < 0)
        return -1;
    return lock_listener(d, text, err);
}

static int open_events(struct daemon *d, struct viv_error *err)
{
    sigset_t set;

    daemon_signals(&set);
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    d->drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->signal_fd < 0 || d->drained_fd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't open a descriptor for signals");
    return 0;
}

/* The lock on the first address makes it unique on this host, and it is the same
 * after a restart. */
static void make_node(const struct daemon *d, char *ret_node, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const struct address *a = &d->listeners[0].address;
    /* Not what stands behind them: it may change. */
    const char *const parts[] = {a->path, a->host, a->port};
    char host[65] = "";

    for (int i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c; c++)
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3); /* FNV-1a */
    gethostname(host, sizeof(host) - 1);
    snprintf(ret_node, size, "%s:%016" PRIx64, host, hash);
}

static int set_tenants(struct daemon *d, const struct options *o, struct viv_error *err)
{
    if (!o->tenants)
        return 0;
    return viv_supervisor_set_tenants(d->supervisor, o->tenants, o->tenant_count, err);
}

static int create_supervisor(struct daemon *d, struct viv_error *err)
{
    const struct options *o = d->options;
    struct viv_config config = o->config;
    char node[VIV_ID_MAX];

    config.preload = o->preload.words;
    config.sessions.store_old_key_paths = o->old_keys.words;
    if (o->store_url[0])
        config.sessions.store_url = o->store_url;
    if (o->store_key[0])
        config.sessions.store_key_path = o->store_key;
    if (!config.sessions.node) {
        make_node(d, node, sizeof(node));
        config.sessions.node = node;
    }
    if (viv_supervisor_create(&config, &d->supervisor, err) < 0)
        return -1;
    return set_tenants(d, o, err);
}

static int create_server(struct daemon *d, struct viv_error *err)
{
    const struct options *o = d->options;
    struct server_config config = {
        .supervisor = d->supervisor,
        .gate = d->access.gate,
        .tls = d->access.tls,
        .audit = d->operations.audit,
        .max_message = o->max_message,
        .request_timeout_ns = o->request_timeout_ns,
        .answer_bytes_total = o->answer_bytes_total,
        .max_streams = o->max_streams,
        .executions_max = o->config.queue_max + o->config.workers_max,
    };

    for (unsigned i = 0; i < d->listener_count; i++)
        if (access_add_listener(&d->access, i, &d->listeners[i], &config, err) < 0 ||
            listener_bind(&d->listeners[i], err) < 0)
            return -1;
    if (server_create(&config, &d->server, err) < 0)
        return -1;
    return server_start(d->server, err);
}

static void tell_listening(const struct listener *l)
{
    if (l->address.path[0] != '\0')
        log_event(LOG_LEVEL_INFO, "listening", LOG_TEXT("address", l->address.text));
    else
        /* Port 0 has become one of the system's choice. */
        log_event(LOG_LEVEL_INFO, "listening", LOG_TEXT("address", l->address.text),
                  LOG_NUMBER("port", l->port));
}

static void tell_ready(const struct daemon *d)
{
    for (size_t i = 0; i < d->listener_count; i++)
        tell_listening(&d->listeners[i]);
    if (d->operations.monitor)
        log_event(LOG_LEVEL_INFO, "metrics",
                  LOG_TEXT("address", d->operations.metrics.address.text),
                  LOG_NUMBER("port", d->operations.metrics.port));
    log_event(LOG_LEVEL_INFO, "ready", LOG_NUMBER("pid", getpid()));
    notify_ready();
    if (d->options->ready_fd < 0)
        return;
    if (write(d->options->ready_fd, "\n", 1) != 1)
        log_event(LOG_LEVEL_WARN, "ready_fd_unwritable", LOG_NUMBER("fd", d->options->ready_fd));
    close(d->options->ready_fd);
}

/* The signal that has arrived, or 0. */
static int take_signal(struct daemon *d)
{
    struct signalfd_siginfo info;

    if (read(d->signal_fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

/* All of it, or what failed changes nothing: but for a certificate, which is good
 * whatever becomes of the rest. */
static int apply(struct daemon *d, const struct options *o, struct viv_error *err)
{
    struct auth *auth;
    unsigned configured;

    if (access_load(o, &auth, &configured, err) < 0)
        return -1;
    if (access_reload_tls(&d->access, err) < 0 || set_tenants(d, o, err) < 0) {
        auth_destroy(auth);
        return -1;
    }
    access_replace(&d->access, auth, configured, d->listeners, d->listener_count);
    return 0;
}

/* What was read and holds only from the next start. */
static void tell_restart(const struct options *before, const struct options *after)
{
    char keys[1024];

    if (!before->file || !after->file)
        return;
    config_changes(before->file, after->file, "token_file", keys, sizeof(keys));
    if (keys[0] != '\0')
        log_event(LOG_LEVEL_WARN, "restart_needed", LOG_TEXT("keys", keys));
}

static int read_again(struct daemon *d, struct viv_error *err)
{
    const struct options *o = d->options;
    struct options again;
    int rc;

    if (options_parse(o->argc, o->argv, &again, err) < 0)
        return -1;
    rc = apply(d, &again, err);
    if (rc == 0)
        tell_restart(o, &again);
    options_free(&again);
    return rc;
}

static void reload(struct daemon *d)
{
    struct viv_error err;
    int rc;

    notify_reloading();
    rc = read_again(d, &err);
    metrics_loaded(rc == 0, time(NULL));
    if (rc == 0)
        log_event(LOG_LEVEL_INFO, "reloaded");
    else
        log_event(LOG_LEVEL_ERROR, "reload_refused", LOG_TEXT("error", err.text));
    notify_ready();
}

/* Obeys what doesn't end it; else the signal is returned. */
static int obey(struct daemon *d, int signal)
{
    if (signal != SIGHUP && signal != SIGUSR1)
        return signal;
    if (d->operations.audit)
        audit_reopen(d->operations.audit);
    if (signal == SIGHUP)
        reload(d);
    return 0;
}

/* Waits for a signal that ends it, or for the end of the drain: then it returns
 * 0. */
static int wait_event(struct daemon *d)
{
    struct pollfd fds[2] = {{.fd = d->signal_fd, .events = POLLIN},
                            {.fd = d->drained_fd, .events = POLLIN}};

    for (;;) {
        int signal;

        if (poll(fds, 2, -1) < 0)
            continue;
        signal = fds[0].revents ? obey(d, take_signal(d)) : 0;
        if (signal != 0 || fds[1].revents)
            return signal;
    }
}

static void on_drained(void *arg)
{
    const struct daemon *d = arg;

    eventfd_write(d->drained_fd, 1);
}

static int start_drain(struct daemon *d, int64_t grace_ns)
{
    struct viv_error err;

    if (viv_drain(d->supervisor, grace_ns, on_drained, d, &err) == 0)
        return 0;
    log_event(LOG_LEVEL_ERROR, "drain_failed", LOG_TEXT("error", err.text));
    return -1;
}

/* Until no execution is left. */
static void drain(struct daemon *d, int signal)
{
    log_event(LOG_LEVEL_INFO, "draining", LOG_NUMBER("signal", signal),
              LOG_NUMBER("grace_ms", d->options->drain_grace_ns / 1000000));
    atomic_store(&d->operations.ready, false);
    notify_stopping();
    /* First, so that a balancer looks elsewhere before anybody is turned away. */
    health_set(server_own_health(d->server), false);
    if (start_drain(d, d->options->drain_grace_ns) < 0)
        return;
    if (wait_event(d) == 0)
        return;
    log_event(LOG_LEVEL_WARN, "drain_cut_short");
    if (start_drain(d, 0) < 0)
        return;
    if (wait_event(d) == 0)
        return;
    log_event(LOG_LEVEL_ERROR, "exit_forced");
    _exit(1);
}

/* Takes what is half built. The server ends before the supervisor that owes it
 * callbacks, and is freed after it, when no callback can run any more. */
static void release(struct daemon *d)
{
    viv_supervisor_destroy(d->supervisor);
    server_destroy(d->server);
    access_close(&d->access);
    operations_release(&d->operations);
    for (size_t i = 0; i < d->listener_count; i++)
        listener_release(&d->listeners[i]);
    if (d->signal_fd >= 0)
        close(d->signal_fd);
    if (d->drained_fd >= 0)
        close(d->drained_fd);
}

static void cut_connections(void *arg)
{
    struct daemon *d = arg;

    log_event(LOG_LEVEL_WARN, "connections_cut");
    if (d->acceptor)
        acceptor_cut(d->acceptor);
}

static int start_acceptor(struct daemon *d, struct viv_error *err)
{
    struct acceptor_config config = {
        .server = d->server,
        .listeners = d->listeners,
        .count = d->listener_count,
        .range = d->access.range,
        .peers = d->access.peers,
    };

    if (operations_start_monitor(&d->operations, d->supervisor, err) < 0 ||
        acceptor_start(&config, &d->acceptor, err) < 0)
        return -1;
    atomic_store(&d->operations.acceptor, d->acceptor);
    atomic_store(&d->operations.ready, true);
    return 0;
}

/* New connections are taken until all is drained: they may ask for health. */
static int serve(struct daemon *d, struct viv_error *err)
{
    int rc;

    if (create_server(d, err) < 0)
        return -1;
    rc = start_acceptor(d, err);
    if (rc == 0) {
        tell_ready(d);
        drain(d, wait_event(d));
        acceptor_stop(d->acceptor);
    }
    log_event(LOG_LEVEL_INFO, "stopping");
    server_stop(d->server, STOP_GRACE_NS, cut_connections, d);
    operations_stop_monitor(&d->operations);
    acceptor_destroy(d->acceptor);
    return rc;
}

int daemon_run(const struct options *options, struct viv_error *err)
{
    struct daemon d = {
        .options = options, .operations = OPERATIONS_INIT, .signal_fd = -1, .drained_fd = -1};
    bool grpc = false;
    int rc = -1;

    log_event(LOG_LEVEL_INFO, "starting", LOG_TEXT("version", VIV_VERSION));
    /* The supervisor before gRPC: it starts a process, and gRPC starts threads. */
    if (access_open(options, &d.access, err) == 0 && lock_listeners(&d, err) == 0 &&
        operations_lock(&d.operations, options, err) == 0 && open_events(&d, err) == 0 &&
        create_supervisor(&d, err) == 0 &&
        operations_open_audit(&d.operations, options, err) == 0) {
        log_take_grpc();
        grpc_init();
        grpc = true;
        rc = serve(&d, err);
    }
    release(&d);
    if (grpc)
        grpc_shutdown();
    if (rc == 0)
        log_event(LOG_LEVEL_INFO, "stopped");
    return rc;
}
