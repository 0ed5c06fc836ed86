#include "supervisor/service/transport.h"

#include <grpc/grpc_posix.h>

#include "supervisor/service/channel_args.h"
#include "supervisor/service/tap.h"
#include "supervisor/service/tls.h"

_Static_assert(GATE_LISTENERS_MAX <= CHANNEL_ARGS_MORE_MAX, "an argument for each listener");
_Static_assert(GATE_LISTENERS_MAX <= TLS_LISTENERS_MAX, "each listener may have TLS");

grpc_server *transport_create_server(struct transport *t, const struct server_config *config)
{
    grpc_arg args[GATE_LISTENERS_MAX];
    size_t count = 0;

    t->insecure = grpc_insecure_server_credentials_create();
    for (unsigned i = 0; i < GATE_LISTENERS_MAX; i++) {
        t->listeners[i].tls = config->listeners[i].tls;
        t->listeners[i].ask_client = config->listeners[i].ask_client;
        if (t->listeners[i].tls)
            external_init(&t->listeners[i].external, i, &args[count++]);
    }
    return channel_args_server(config->max_message, config->max_streams, args, count);
}

int transport_open(struct transport *t, grpc_server *server, struct tls *tls, struct viv_error *err)
{
    for (unsigned i = 0; i < GATE_LISTENERS_MAX; i++) {
        grpc_server_credentials *credentials;
        int rc;

        if (!t->listeners[i].tls)
            continue;
        credentials = tls_credentials(tls, i, t->listeners[i].ask_client);
        rc = external_open(&t->listeners[i].external, server, credentials, err);
        grpc_server_credentials_release(credentials);
        if (rc < 0)
            return -1;
    }
    return 0;
}

void transport_take(struct transport *t, grpc_server *server, unsigned listener, int fd)
{
    bool tls = listener < GATE_LISTENERS_MAX && t->listeners[listener].tls;

    tap_begin(fd, tls);
    if (tls)
        external_take(&t->listeners[listener].external, fd);
    else
        grpc_server_add_channel_from_fd(server, fd, t->insecure);
}

int transport_check(struct transport *t, struct viv_error *err)
{
    for (unsigned i = 0; i < GATE_LISTENERS_MAX; i++)
        if (t->listeners[i].tls && external_check(&t->listeners[i].external, err) < 0)
            return -1;
    return 0;
}

void transport_release(struct transport *t)
{
    grpc_server_credentials_release(t->insecure);
}
