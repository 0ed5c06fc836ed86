#include "supervisor/service/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/log.h"

/* Descriptors left to everything else, where the limit is generous. */
#define OTHERS_MAX 4096

/* How long nothing is accepted where that fails for want of something. */
#define PAUSE_MS 50

/* Seconds between two complaints. */
#define COMPLAINT_INTERVAL 10

struct acceptor {
    grpc_server *server;
    grpc_server_credentials *credentials;
    struct acceptor_range range;
    pthread_t thread;
    int stop_fd;
    time_t complained;
    size_t count;
    struct pollfd fds[]; /* stop_fd, then the listeners */
};

struct acceptor_range acceptor_range(long limit, int connections_max)
{
    struct acceptor_range range = {.count = connections_max};

    if (limit / 2 < range.count)
        range.count = (int)(limit / 2);
    range.first = limit - range.count < OTHERS_MAX ? (int)(limit - range.count) : OTHERS_MAX;
    return range;
}

static void complain(struct acceptor *a, const char *why)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (a->complained != 0 && now.tv_sec - a->complained < COMPLAINT_INTERVAL)
        return;
    a->complained = now.tv_sec;
    log_event(LOG_LEVEL_WARN, "connection_refused", LOG_TEXT("reason", why),
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

static void take(struct acceptor *a, int fd)
{
    int on = 1, placed = place(a, fd);

    if (placed < 0) {
        complain(a, "too many connections");
        return;
    }
    /* Fails on a unix socket, which has no such delay. */
    setsockopt(placed, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    grpc_server_add_channel_from_fd(a->server, placed, a->credentials);
}

static void accept_all(struct acceptor *a, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            take(a, fd);
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
        for (size_t i = 1; i <= a->count; i++)
            if (a->fds[i].revents)
                accept_all(a, a->fds[i].fd);
    }
}

static long descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (long)limit.rlim_cur;
}

int acceptor_start(grpc_server *server, const struct listener *listeners, size_t count,
                   int connections_max, struct acceptor **ret_acceptor, struct viv_error *err)
{
    struct acceptor *a = gpr_zalloc(sizeof(*a) + (count + 1) * sizeof(*a->fds));

    a->server = server;
    a->range = acceptor_range(descriptor_limit(), connections_max);
    a->count = count;
    a->credentials = grpc_insecure_server_credentials_create();
    a->stop_fd = eventfd(0, EFD_CLOEXEC);
    a->fds[0] = (struct pollfd){.fd = a->stop_fd, .events = POLLIN};
    for (size_t i = 0; i < count; i++)
        a->fds[i + 1] = (struct pollfd){.fd = listeners[i].fd, .events = POLLIN};
    if (a->stop_fd < 0 || pthread_create(&a->thread, NULL, run, a) != 0) {
        viv_fail_errno(err, VIV_INTERNAL, "can't start the thread that accepts");
        grpc_server_credentials_release(a->credentials);
        gpr_free(a);
        return -1;
    }
    *ret_acceptor = a;
    return 0;
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
    close(acceptor->stop_fd);
    grpc_server_credentials_release(acceptor->credentials);
    gpr_free(acceptor);
}
