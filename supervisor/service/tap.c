#include "supervisor/service/tap.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/frames.h"
#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"

/* "ipv6:", brackets as URIs have them, a port. */
#define NAME_SIZE (INET6_ADDRSTRLEN + 24)

struct connection {
    atomic_bool encrypted, saw;
    char name[NAME_SIZE]; /* where gRPC calls it by its address: with TLS */
    struct frames frames; /* whose reads follow one another */
};

static struct {
    int first, count;
    struct connection *connections;
    int ssl_index; /* of an SSL's struct frames */
} tap;

static int (*openssl_read)(SSL *ssl, void *buffer, int size);

static void free_frames(void *parent, void *frames, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp)
{
    OPENSSL_free(frames);
}

__attribute__((constructor)) static void find_original(void)
{
    openssl_read = (int (*)(SSL *, void *, int))dlsym(RTLD_NEXT, "SSL_read");
    tap.ssl_index = -1;
}

int tap_open(int first, int count, struct viv_error *err)
{
    struct connection *connections = calloc((size_t)count, sizeof(*connections));

    if (!connections)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %d connections", count);
    if (tap.ssl_index < 0)
        tap.ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_frames);
    tap.first = first;
    tap.count = count;
    tap.connections = connections;
    return 0;
}

void tap_close(void)
{
    free(tap.connections);
    tap.connections = NULL;
    tap.count = 0;
}

/* NULL: it is none of ours. */
static struct connection *find(int fd)
{
    return fd >= tap.first && fd - tap.first < tap.count ? &tap.connections[fd - tap.first] : NULL;
}

/* As gRPC writes it; "" for a unix socket, of which all are called alike. */
static void name_of(int fd, char ret_name[NAME_SIZE])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(peer);
    char host[INET6_ADDRSTRLEN];

    *ret_name = '\0';
    if (getpeername(fd, &peer.any, &len) < 0)
        return;
    if (peer.any.sa_family == AF_INET && inet_ntop(AF_INET, &peer.v4.sin_addr, host, sizeof(host)))
        snprintf(ret_name, NAME_SIZE, "ipv4:%s:%u", host, ntohs(peer.v4.sin_port));
    if (peer.any.sa_family == AF_INET6 &&
        inet_ntop(AF_INET6, &peer.v6.sin6_addr, host, sizeof(host)))
        snprintf(ret_name, NAME_SIZE, "ipv6:%%5B%s%%5D:%u", host, ntohs(peer.v6.sin6_port));
}

void tap_begin(int fd, bool encrypted)
{
    struct connection *c = find(fd);

    if (!c)
        return;
    *c->name = '\0';
    if (encrypted)
        name_of(fd, c->name);
    c->frames = (struct frames){0};
    atomic_store(&c->encrypted, encrypted);
    atomic_store(&c->saw, false);
}

bool tap_saw(int fd)
{
    const struct connection *c = find(fd);

    return c && atomic_load(&c->saw);
}

static void tell(const char *why)
{
    static struct log_limit limit = LOG_LIMIT_INIT(1);

    metrics_connection_cut();
    log_limited(&limit, LOG_LEVEL_WARN, "connection_cut", LOG_TEXT("reason", why));
}

static int find_named(const char *peer)
{
    for (int i = 0; i < tap.count; i++)
        if (*peer && strcmp(tap.connections[i].name, peer) == 0)
            return tap.first + i;
    return -1;
}

bool tap_cut(const char *peer)
{
    int fd;

    if (sscanf(peer, "fd:%d", &fd) != 1)
        fd = find_named(peer);
    if (!find(fd))
        return false;
    tell("it takes no answers");
    shutdown(fd, SHUT_RDWR);
    return true;
}

/* The coarse one costs next to nothing, and some milliseconds are no matter. */
static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static const char *look(struct connection *c, const struct msghdr *message, size_t len)
{
    const char *why = NULL;
    int64_t now = now_ms();

    for (size_t i = 0; i < message->msg_iovlen && len > 0 && !why; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t n = len < part->iov_len ? len : part->iov_len;

        why = frames_feed(&c->frames, now, part->iov_base, n);
        len -= n;
    }
    return why;
}

/* As if its client had gone. */
static ssize_t cut(int fd, const char *why)
{
    tell(why);
    shutdown(fd, SHUT_RDWR);
    return 0;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t n = syscall(SYS_recvmsg, fd, message, flags);
    struct connection *c = find(fd);
    const char *why;

    if (n <= 0 || !c || atomic_load_explicit(&c->encrypted, memory_order_relaxed))
        return n;
    atomic_store_explicit(&c->saw, true, memory_order_relaxed);
    why = look(c, message, (size_t)n);
    return why ? cut(fd, why) : n;
}

/* NULL: it is no client of ours, or there is no memory. */
static struct frames *frames_of(SSL *ssl)
{
    struct frames *frames;

    if (tap.ssl_index < 0 || !SSL_is_server(ssl))
        return NULL;
    frames = SSL_get_ex_data(ssl, tap.ssl_index);
    if (frames)
        return frames;
    frames = OPENSSL_zalloc(sizeof(*frames));
    if (frames && SSL_set_ex_data(ssl, tap.ssl_index, frames) != 1) {
        OPENSSL_free(frames);
        frames = NULL;
    }
    return frames;
}

int SSL_read(SSL *ssl, void *buffer, int size)
{
    struct frames *frames = frames_of(ssl);
    int n = openssl_read(ssl, buffer, size);
    const char *why = frames && n > 0 ? frames_feed(frames, now_ms(), buffer, (size_t)n) : NULL;

    if (!why)
        return n;
    tell(why);
    ERR_raise(ERR_LIB_SSL, SSL_R_EXCESSIVE_MESSAGE_SIZE);
    return -1;
}
