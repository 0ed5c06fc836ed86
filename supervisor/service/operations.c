#include "supervisor/service/operations.h"

#include <grpc/grpc.h>

#include "supervisor/service/address.h"

int operations_lock(struct operations *o, const struct options *options, struct viv_error *err)
{
    struct address address;

    if (!options->metrics)
        return 0;
    if (address_parse(options->metrics, true, &address, err) < 0)
        return -1;
    return listener_lock(&address, &o->metrics, err);
}

int operations_open_audit(struct operations *o, const struct options *options,
                          struct viv_error *err)
{
    if (!options->audit)
        return 0;
    return audit_open(options->audit, options->audit_required, &o->audit, err);
}

static void tell_now(void *arg, struct metrics_now *ret_now)
{
    struct operations *o = arg;
    const struct acceptor *acceptor = atomic_load(&o->acceptor);

    viv_stats(o->supervisor, &ret_now->stats);
    ret_now->grpc_version = grpc_version_string();
    ret_now->connections = acceptor ? acceptor_connections(acceptor) : 0;
    ret_now->ready = atomic_load(&o->ready);
}

int operations_start_monitor(struct operations *o, const struct viv_supervisor *supervisor,
                             struct viv_error *err)
{
    if (o->metrics.address.text[0] == '\0')
        return 0;
    o->supervisor = supervisor;
    if (listener_bind(&o->metrics, err) < 0)
        return -1;
    return monitor_start(o->metrics.fd, tell_now, o, &o->monitor, err);
}

void operations_stop_monitor(struct operations *o)
{
    monitor_stop(o->monitor);
    o->monitor = NULL;
}

void operations_release(struct operations *o)
{
    audit_close(o->audit);
    listener_release(&o->metrics);
}
