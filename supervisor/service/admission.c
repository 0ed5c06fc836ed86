#include "supervisor/service/admission.h"

#include <grpc/support/alloc.h>
#include <stddef.h>
#include <string.h>

#include "supervisor/service/call.h"
#include "supervisor/service/gate.h"
#include "supervisor/service/request.h"
#include "supervisor/service/server.h"
#include "supervisor/service/tap.h"

/* When to come again whose request was too slow. */
#define RETRY_NS INT64_C(200000000)

/* Many who were refused don't read it: one more would not either. */
static void cut_off(struct call *call)
{
    char *peer = grpc_call_get_peer(call->grpc);

    if (!tap_cut(peer))
        grpc_call_cancel(call->grpc, NULL);
    gpr_free(peer);
}

/* Before it has begun. */
static void refuse(struct call *call, const struct viv_error *err)
{
    call->refused = true;
    if (atomic_fetch_add(&server_admission(call->slot)->refused, 1) < ADMISSION_REFUSED_MAX)
        call_fail(call, err);
    else
        cut_off(call);
}

static void refuse_full(struct call *call)
{
    struct viv_error err;

    viv_fail(&err, VIV_RESOURCE_EXHAUSTED,
             "%u calls of this kind are open, which is the most: retry later", call->slot->max);
    refuse(call, &err);
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
    struct call_slot *slot = call->slot;
    const struct method *method = slot->method;

    if (atomic_fetch_add(slot->live, 1) >= slot->max) {
        atomic_fetch_sub(slot->live, 1);
        refuse_full(call);
        return;
    }
    call->begun = call->counted = true;
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
    refuse(call, &err);
}

static void await_request(struct call *call)
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

void admission_request_came(struct call *call)
{
    if (call->slot->method->bidi || !call->arrival.tenant)
        return;
    arrivals_remove(server_admission(call->slot)->arrivals, &call->arrival);
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

static int judge(struct call *call, struct viv_error *err)
{
    if (!wants_credentials(call->slot->method))
        return 0;
    return gate_admit(server_admission(call->slot)->gate, call->grpc, &call->metadata,
                      &call->identity, err);
}

void admission_take(struct call *call)
{
    const struct method *method = call->slot->method;
    struct viv_error err;
    int rc;

    call_read_trace(call);
    rc = judge(call, &err);
    call_forget_metadata(call);
    if (rc < 0)
        refuse(call, &err);
    else if (method->bidi || !method->path)
        begin(call);
    else
        await_request(call);
}
