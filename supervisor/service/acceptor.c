#include "supervisor/service/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/service/gate.h"
#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"
#include "supervisor/service/selfcheck.h"
#include "supervisor/service/server.h"
#include "supervisor/service/tap.h"

/* Descriptors left to everything else at least, where the limit is generous. */
#define OTHERS_MIN 4096
/* What the daemon has open by itself, and for a worker: its channel, pipes, processes, control
 * page, and most of all the files of its control groups, which version 1 has four of. */
#define OWN 128
#define OF_WORKER 20

/* How long nothing is accepted where that fails for want of something. */
#define PAUSE_MS 50

struct acceptor {
    struct server *server;
    struct acceptor_range range;
    struct peers *peers;
    pthread_t thread;
    int stop_fd;
    size_t count;
    struct pollfd fds[]; /* stop_fd, then the listeners */
};

static long least(long a, long b)
{
    return a < b ? a : b;
}

struct acceptor_range acceptor_range(long limit, int connections_max, unsigned workers_max)
{
    long others = OWN + OF_WORKER * (long)workers_max;
    long count = least(connections_max, least(limit / 2, limit - others));
    /* Where the limit is generous, the rest has as much again for what is on its way. */
    long first = least(limit - count, 2 * others > OTHERS_MIN ? 2 * others : OTHERS_MIN);

    return (struct acceptor_range){.first = (int)first, .count = count > 0 ? (int)count : 0};
}

static void complain(struct acceptor *a, const char *why)
{
    static struct log_limit limit = LOG_LIMIT_INIT(1);

    log_limited(&limit, LOG_LEVEL_WARN, "connection_refused", LOG_TEXT("reason", why),
                LOG_NUMBER("most", a->range.count));
}

/* Moves a connection into the range. The lowest free number there tells how
 * many there are: gRPC closes them without a word to us. */
static int place(struct acceptor *a, int fd)
{
    int placed = fcntl(fd, F_DUPFD_CLOEXEC, a->range.first);

    close(fd);
    if (placed >= a->range.first + a->range.count) {
        close(placed);
        return -1;
    }
    return placed;
}

/* Whoever connected, as the kernel says (unix(7)): what it does later, such as
 * giving the socket away, changes nothing. */
static struct peer identify(int fd, unsigned listener)
{
    struct peer peer = {.listener = listener};
    socklen_t domain_len = sizeof(int), len = sizeof(struct ucred);
    struct ucred who;
    int domain = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 && domain == AF_UNIX &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
        peer.has_uid = true;
        peer.uid = who.uid;
    }
    return peer;
}

static void take(struct acceptor *a, int fd, unsigned listener)
{
    struct peer peer = identify(fd, listener);
    int on = 1, placed = place(a, fd);

    if (placed < 0) {
        metrics_connection_refused();
        complain(a, "too many connections");
        return;
    }
    metrics_connection_accepted();
    /* Fails on a unix socket, which has no such delay. */
    setsockopt(placed, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peers_set(a->peers, placed, &peer);
    server_take(a->server, listener, placed);
}

static void accept_all(struct acceptor *a, unsigned number)
{
    for (;;) {
        int fd = accept4(a->fds[number + 1].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            take(a, fd, number);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            complain(a, "no descriptor or no memory is left");
            poll(a->fds, 1, PAUSE_MS);
            return;
        } else if (errno == EAGAIN || errno == EINVAL || errno == EBADF) {
            return;
        }
        /* Else it was this connection's own failure, accept(2). */
    }
}

static void *run(void *arg)
{
    struct acceptor *a = arg;

    for (;;) {
        if (poll(a->fds, a->count + 1, -1) < 0)
            continue;
        if (a->fds[0].revents)
            return NULL;
        for (unsigned i = 0; i < a->count; i++)
            if (a->fds[i + 1].revents)
                accept_all(a, i);
    }
}

static long descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (long)limit.rlim_cur;
}

int acceptor_range_now(int connections_max, unsigned workers_max, struct acceptor_range *ret_range,
                       struct viv_error *err)
{
    long limit = descriptor_limit();

    *ret_range = acceptor_range(limit, connections_max, workers_max);
    if (ret_range->count > 0)
        return 0;
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "the limit of %ld open files is too low for workers_max %u, which may need %ld "
                    "beside connections: raise it (ulimit -n, LimitNOFILE=), or lower workers_max",
                    limit, workers_max, OWN + OF_WORKER * (long)workers_max);
}

/* Hands over one end of a pair as if it had been accepted; the other, or -1. */
static int connect_self(struct acceptor *a, int *ret_placed)
{
    const struct peer peer = {.listener = GATE_SELF};
    int fds[2], placed;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return -1;
    placed = place(a, fds[1]);
    if (placed < 0) {
        close(fds[0]);
        return -1;
    }
    peers_set(a->peers, placed, &peer);
    server_take(a->server, GATE_SELF, placed);
    *ret_placed = placed;
    return fds[0];
}

static int check_self(struct acceptor *a, struct viv_error *err)
{
    int placed, fd = connect_self(a, &placed);

    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't connect to myself");
    if (selfcheck_call(fd, err) < 0)
        return -1;
    if (!tap_saw(placed))
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "this gRPC (core %s) reads in a way that shows us nothing: build with the "
                        "one that Debian 12 has",
                        grpc_version_string());
    return server_check_tls(a->server, err);
}

static int start_thread(struct acceptor *a, struct viv_error *err)
{
    a->stop_fd = eventfd(0, EFD_CLOEXEC);
    a->fds[0] = (struct pollfd){.fd = a->stop_fd, .events = POLLIN};
    if (a->stop_fd >= 0 && pthread_create(&a->thread, NULL, run, a) == 0)
        return 0;
    return viv_fail_errno(err, VIV_INTERNAL, "can't start the thread that accepts");
}

int acceptor_start(const struct acceptor_config *config, struct acceptor **ret_acceptor,
                   struct viv_error *err)
{
    struct acceptor *a = gpr_zalloc(sizeof(*a) + (config->count + 1) * sizeof(*a->fds));

    a->server = config->server;
    a->range = config->range;
    a->peers = config->peers;
    a->count = config->count;
    a->stop_fd = -1;
    for (size_t i = 0; i < a->count; i++)
        a->fds[i + 1] = (struct pollfd){.fd = config->listeners[i].fd, .events = POLLIN};
    if (check_self(a, err) < 0 || start_thread(a, err) < 0) {
        acceptor_destroy(a);
        return -1;
    }
    *ret_acceptor = a;
    return 0;
}

int acceptor_connections(const struct acceptor *a)
{
    int count = 0;

    for (int fd = a->range.first; fd < a->range.first + a->range.count; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

void acceptor_stop(struct acceptor *acceptor)
{
    eventfd_write(acceptor->stop_fd, 1);
    pthread_join(acceptor->thread, NULL);
}

void acceptor_cut(struct acceptor *acceptor)
{
    struct acceptor_range range = acceptor->range;

    /* The descriptors are gRPC's, but nobody else puts any into the range. */
    for (int fd = range.first; fd < range.first + range.count; fd++)
        shutdown(fd, SHUT_RDWR);
}

void acceptor_destroy(struct acceptor *acceptor)
{
    if (!acceptor)
        return;
    if (acceptor->stop_fd >= 0)
        close(acceptor->stop_fd);
    gpr_free(acceptor);
}
