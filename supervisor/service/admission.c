#include "supervisor/service/admission.h"

#include <grpc/support/alloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/service/call.h"
#include "supervisor/service/gate.h"
#include "supervisor/service/methods.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"
#include "supervisor/service/tap.h"

/* When to come again whose request was too slow. */
#define RETRY_NS INT64_C(200000000)

static void refuse_full(struct call *call)
{
    struct viv_error err;

    viv_fail(&err, VIV_RESOURCE_EXHAUSTED,
             "too many calls of this kind are open, of %u at the most: retry later",
             call->slot->max);
    viv_retry_after(&err, RETRY_NS);
    call_fail(call, &err);
}

/* What describes the service is for everybody: balancers and tools ask before
 * they have credentials. */
static bool wants_credentials(const struct method *method)
{
    static const char prefix[] = "/vivarium.v1.Vivarium/";

    return method->path && strncmp(method->path, prefix, strlen(prefix)) == 0;
}

static void begin(struct call *call)
{
    const struct call_slot *slot = call->slot;
    const struct method *method = slot->method;

    call->admitted.placed = shares_take(server_admission(slot)->shares, call->admitted.holder,
                                        slot->kind, slot->max, !methods_runs_code(method));
    if (!call->admitted.placed) {
        refuse_full(call);
        return;
    }
    call->begun = true;
    method->begin(call);
    if (call->closed && method->closed) /* while its request was on its way */
        method->closed(call, call->cancelled != 0);
}

/* The arrival is the call's. */
static struct call *call_of(struct arrival *arrival)
{
    return (struct call *)((char *)arrival - offsetof(struct call, arrival));
}

static void refuse_late(struct call *call, enum viv_status status, const char *words)
{
    struct viv_error err;

    viv_fail(&err, status, "%s", words);
    viv_retry_after(&err, RETRY_NS);
    call_fail(call, &err);
}

static void taken(struct call *call)
{
    shares_drop_answer(server_admission(call->slot)->shares, &call->admitted.answer);
}

void admission_await(struct call *call)
{
    struct admission *a = server_admission(call->slot);
    struct arrival *gone =
        arrivals_add(a->arrivals, &call->arrival, call->identity.tenant, request_now_ns());

    call_receive(call);
    if (gone)
        refuse_late(call_of(gone), VIV_RESOURCE_EXHAUSTED,
                    "too many calls have begun whose request has not come: send it with the call, "
                    "or retry later");
}

void admission_go_on(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    taken(call);
    pthread_mutex_unlock(&call->lock);
    admission_await(call);
}

void admission_request_came(struct call *call)
{
    if (!call->arrival.tenant)
        return;
    arrivals_remove(server_admission(call->slot)->arrivals, &call->arrival);
    if (!call->slot->method->bidi)
        begin(call);
}

int64_t admission_next(const struct admission *a)
{
    const struct arrival *oldest = arrivals_oldest(a->arrivals);

    return oldest && a->request_timeout_ns > 0 ? oldest->since_ns + a->request_timeout_ns
                                               : INT64_MAX;
}

void admission_expire(struct admission *a)
{
    int64_t end_ns;

    while ((end_ns = admission_next(a)) != INT64_MAX && end_ns <= request_now_ns()) {
        struct arrival *oldest = arrivals_oldest(a->arrivals);

        arrivals_remove(a->arrivals, oldest);
        refuse_late(call_of(oldest), VIV_DEADLINE_EXCEEDED,
                    "the call has begun, but its request has not come: send it sooner, or have "
                    "request_timeout raised");
    }
}

static int judge(struct call *call, const char *peer, struct viv_error *err)
{
    if (!wants_credentials(call->slot->method))
        return 0;
    return gate_admit(server_admission(call->slot)->gate, call->grpc, peer, &call->metadata,
                      &call->identity, err);
}

/* A tenant that anybody may invent is worth no more than the connection it came by. */
static void enter(struct call *call, const char *peer)
{
    struct shares *shares = server_admission(call->slot)->shares;
    struct admitted *has = &call->admitted;
    char name[SHARES_NAME_MAX];

    has->connection = has->holder = shares_enter(shares, peer);
    if (!call->identity.tenant[0] || call->identity.kind == AUTH_OPEN)
        return;
    snprintf(name, sizeof(name), "tenant %s", call->identity.tenant);
    has->holder = shares_enter(shares, name);
}

void admission_take(struct call *call)
{
    const struct method *method = call->slot->method;
    char *peer = grpc_call_get_peer(call->grpc);
    struct viv_error err;
    int rc;

    call_read_trace(call);
    rc = judge(call, peer, &err);
    call_forget_metadata(call);
    enter(call, peer);
    gpr_free(peer);
    if (rc < 0)
        call_fail(call, &err);
    else if (method->bidi || !method->path)
        begin(call);
    else
        admission_await(call);
}

static void leave_place(struct call *call)
{
    if (call->admitted.placed)
        shares_give(server_admission(call->slot)->shares, call->admitted.holder, call->slot->kind);
    call->admitted.placed = false;
}

void admission_answered(struct call *call, size_t bytes, bool last)
{
    struct shares *shares = server_admission(call->slot)->shares;
    struct admitted *has = &call->admitted;
    char heaviest[SHARES_NAME_MAX];

    if (last)
        leave_place(call);
    taken(call);
    if (shares_add_answer(shares, has->connection, &has->answer, bytes, request_now_ns(), heaviest))
        tap_cut(heaviest);
}

void admission_left(struct call *call)
{
    struct shares *shares = server_admission(call->slot)->shares;
    struct admitted *has = &call->admitted;

    leave_place(call);
    taken(call);
    if (has->holder != has->connection)
        shares_leave(shares, has->holder);
    if (has->connection)
        shares_leave(shares, has->connection);
}
