#include "supervisor/service/external.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK_SECONDS 10

/* src/core/lib/iomgr/tcp_server.h, grpc_core::TcpServerFdHandler: a virtual
 * destructor, which takes two places, and then Handle(). */
struct external_handler {
    const struct {
        void (*destroy[2])(struct external_handler *handler);
        void (*handle)(struct external_handler *handler, int listener, int fd,
                       grpc_byte_buffer *read_ahead);
    } * methods;
};

static void *copy_pointer(void *p)
{
    return p;
}

static void forget_pointer(void *p)
{
}

static int compare_pointers(void *a, void *b)
{
    return a < b ? -1 : a > b;
}

void external_init(struct external *external, unsigned number, grpc_arg *ret_arg)
{
    static const grpc_arg_pointer_vtable vtable = {copy_pointer, forget_pointer, compare_pointers};

    external->handler = NULL;
    snprintf(external->name, sizeof(external->name), "external:%u", number);
    *ret_arg = (grpc_arg){.type = GRPC_ARG_POINTER,
                          .key = external->name,
                          .value.pointer = {.p = &external->handler, .vtable = &vtable}};
}

int external_open(struct external *external, grpc_server *server,
                  grpc_server_credentials *credentials, struct viv_error *err)
{
    grpc_server_add_http2_port(server, external->name, credentials);
    if (external->handler)
        return 0;
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "this gRPC (core %s) takes no connections for TLS: build with the one that "
                    "Debian 12 has",
                    grpc_version_string());
}

void external_take(struct external *external, int fd)
{
    external->handler->methods->handle(external->handler, -1, fd, NULL);
}

/* Far enough to have seen the server's part; whom it trusts doesn't matter. */
static bool greet(int fd)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    bool greeted = false;

    if (ssl && SSL_set_fd(ssl, fd) == 1 &&
        SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2", 3) == 0)
        greeted = SSL_connect(ssl) == 1;
    SSL_free(ssl);
    SSL_CTX_free(context);
    return greeted;
}

int external_check(struct external *external, struct viv_error *err)
{
    struct timeval patience = {.tv_sec = CHECK_SECONDS};
    bool greeted;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't make a socket");
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    external_take(external, fds[1]);
    greeted = greet(fds[0]);
    close(fds[0]);
    if (greeted)
        return 0;
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "gRPC (core %s) does not answer a TLS handshake: are certificate and key "
                    "usable?",
                    grpc_version_string());
}
