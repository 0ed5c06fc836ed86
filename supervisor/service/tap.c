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

/* "ipv6:", brackets as URIs have them, a scope, a port. */
#define NAME_SIZE (INET6_ADDRSTRLEN + 40)

struct connection {
    atomic_bool encrypted, saw;
    struct frames frames; /* whose reads follow one another */
};

static struct {
    int first, count;
    uint32_t resets_max;
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

int tap_open(int first, int count, int max_streams, struct viv_error *err)
{
    struct connection *connections = calloc((size_t)count, sizeof(*connections));

    if (!connections)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %d connections", count);
    if (tap.ssl_index < 0)
        tap.ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_frames);
    tap.first = first;
    tap.count = count;
    tap.resets_max = 2 * (uint32_t)max_streams;
    if (tap.resets_max < FRAMES_RESETS_MIN)
        tap.resets_max = FRAMES_RESETS_MIN;
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

void tap_begin(int fd, bool encrypted)
{
    struct connection *c = find(fd);

    if (!c)
        return;
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

union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void name_v4(const struct in_addr *address, in_port_t port, char ret_name[NAME_SIZE])
{
    char host[INET_ADDRSTRLEN] = "";

    inet_ntop(AF_INET, address, host, sizeof(host));
    snprintf(ret_name, NAME_SIZE, "ipv4:%s:%u", host, ntohs(port));
}

static void name_v6(const struct sockaddr_in6 *peer, char ret_name[NAME_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "", scope[16] = "";

    inet_ntop(AF_INET6, &peer->sin6_addr, host, sizeof(host));
    if (peer->sin6_scope_id)
        snprintf(scope, sizeof(scope), "%%25%u", peer->sin6_scope_id);
    snprintf(ret_name, NAME_SIZE, "ipv6:%%5B%s%s%%5D:%u", host, scope, ntohs(peer->sin6_port));
}

/* As gRPC calls a connection with TLS. False: it is over, or a unix socket, of which all are
 * called alike. */
static bool name_of(int fd, char ret_name[NAME_SIZE])
{
    union peer peer = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(peer);
    struct in_addr mapped;

    if (getpeername(fd, &peer.any, &len) < 0)
        return false;
    if (peer.any.sa_family == AF_INET) {
        name_v4(&peer.v4.sin_addr, peer.v4.sin_port, ret_name);
    } else if (peer.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr)) {
        memcpy(&mapped, &peer.v6.sin6_addr.s6_addr[12], sizeof(mapped));
        name_v4(&mapped, peer.v6.sin6_port, ret_name);
    } else if (peer.any.sa_family == AF_INET6) {
        name_v6(&peer.v6, ret_name);
    } else {
        return false;
    }
    return true;
}

/* Asked of the sockets, and not kept: one that was reset may still be somebody's
 * descriptor, while its client has come again from the same port. */
static int find_named(const char *peer)
{
    char name[NAME_SIZE];

    for (int i = 0; i < tap.count; i++)
        if (name_of(tap.first + i, name) && strcmp(name, peer) == 0)
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
static struct frames_terms terms_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (struct frames_terms){
        .resets_max = tap.resets_max,
        .now_ms = t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000,
    };
}

static const char *look(struct connection *c, const struct msghdr *message, size_t len)
{
    const char *why = NULL;
    const struct frames_terms terms = terms_now();

    for (size_t i = 0; i < message->msg_iovlen && len > 0 && !why; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t n = len < part->iov_len ? len : part->iov_len;

        why = frames_feed(&c->frames, &terms, part->iov_base, n);
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
    const struct frames_terms terms = terms_now();
    const char *why = frames && n > 0 ? frames_feed(frames, &terms, buffer, (size_t)n) : NULL;

    if (!why)
        return n;
    tell(why);
    ERR_raise(ERR_LIB_SSL, SSL_R_EXCESSIVE_MESSAGE_SIZE);
    return -1;
}
