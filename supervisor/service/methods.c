#include "supervisor/service/methods.h"

#include <grpc/slice.h>

#include "supervisor/service/cancel.h"
#include "supervisor/service/execute.h"
#include "supervisor/service/health.h"
#include "supervisor/service/query.h"
#include "supervisor/service/reflection.h"
#include "supervisor/service/session.h"
#include "supervisor/service/stream.h"

#define SLOTS_EXECUTE 64
#define SLOTS_OTHER 8

/* Calls at a time of methods that run nothing, until they are answered: those that may wait,
 * and those that are answered at once. */
#define CALLS_WAITING 1024
#define CALLS_QUICK 256

/* Longest name that an answer repeats. */
#define NAME_MAX_SHOWN 100

static void begin_unknown(struct call *call)
{
    grpc_slice name = call->details.method;
    size_t len = GRPC_SLICE_LENGTH(name);
    struct viv_error err;

    viv_fail(&err, VIV_UNIMPLEMENTED, "no such method: %.*s",
             (int)(len < NAME_MAX_SHOWN ? len : NAME_MAX_SHOWN),
             (const char *)GRPC_SLICE_START_PTR(name));
    call_fail(call, &err);
}

#define VIVARIUM "/vivarium.v1.Vivarium/"
#define HEALTH "/grpc.health.v1.Health/"
#define REFLECTION "ServerReflection/ServerReflectionInfo"

const struct method methods[] = {
    {.path = VIVARIUM "Execute",
     .slots = SLOTS_EXECUTE,
     .begin = execute_begin,
     .closed = execute_closed},
    {.path = VIVARIUM "ExecuteStream",
     .slots = SLOTS_EXECUTE,
     .begin = stream_begin,
     .drained = stream_drained,
     .closed = execute_closed},
    {.path = VIVARIUM "Cancel",
     .slots = SLOTS_OTHER,
     .calls = CALLS_WAITING,
     .begin = cancel_begin},
    {.path = VIVARIUM "ListExecutions",
     .slots = SLOTS_OTHER,
     .calls = CALLS_QUICK,
     .begin = query_list},
    {.path = VIVARIUM "Describe",
     .slots = SLOTS_OTHER,
     .calls = CALLS_QUICK,
     .begin = query_describe},
    {.path = VIVARIUM "OpenSession",
     .slots = SLOTS_OTHER,
     .begin = session_open,
     .closed = execute_closed},
    {.path = VIVARIUM "CloseSession",
     .slots = SLOTS_OTHER,
     .calls = CALLS_WAITING,
     .begin = session_close},
    {.path = VIVARIUM "ListSessions",
     .slots = SLOTS_OTHER,
     .calls = CALLS_QUICK,
     .begin = session_list},
    {.path = VIVARIUM "GetScope",
     .slots = SLOTS_OTHER,
     .begin = session_get_scope,
     .closed = execute_closed},
    {.path = VIVARIUM "SetScope",
     .slots = SLOTS_OTHER,
     .begin = session_set_scope,
     .closed = execute_closed},
    {.path = HEALTH "Check", .slots = SLOTS_OTHER, .calls = CALLS_QUICK, .begin = health_check},
    {.path = HEALTH "Watch",
     .slots = SLOTS_OTHER,
     .calls = CALLS_WAITING,
     .begin = health_watch,
     .closed = health_watch_closed},
    {.path = "/grpc.reflection.v1." REFLECTION,
     .bidi = true,
     .slots = SLOTS_OTHER,
     .calls = CALLS_QUICK,
     .begin = admission_await,
     .received = reflection_received,
     .idle = admission_go_on},
    {.path = "/grpc.reflection.v1alpha." REFLECTION,
     .bidi = true,
     .slots = SLOTS_OTHER,
     .calls = CALLS_QUICK,
     .begin = admission_await,
     .received = reflection_received,
     .idle = admission_go_on},
    {.path = NULL, .slots = SLOTS_OTHER, .calls = CALLS_QUICK, .begin = begin_unknown},
};

const size_t methods_count = sizeof(methods) / sizeof(methods[0]);

bool methods_runs_code(const struct method *method)
{
    return method->calls == 0;
}

unsigned methods_calls_max(void)
{
    unsigned sum = 0;

    for (size_t i = 0; i < methods_count; i++)
        sum += methods[i].calls;
    return sum;
}
