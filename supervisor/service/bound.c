#include "supervisor/service/bound.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/service/address.h"
#include "supervisor/service/admission.h"
#include "supervisor/service/audit.h"
#include "supervisor/service/call.h"
#include "supervisor/service/channel_args.h"
#include "supervisor/service/methods.h"
#include "supervisor/service/server.h"

#define MIB (UINT64_C(1) << 20)

/* Measured, and rounded up: the daemon that has just started; a connection, with as many
 * headers as it may send before their call begins; half a handshake of TLS; a call, with
 * as many headers as it may have. */
#define PROGRAM_BYTES (48 * MIB)
#define CONNECTION_BYTES UINT64_C(98304)
#define HANDSHAKE_BYTES UINT64_C(65536)
#define CALL_BYTES UINT64_C(49152)

/* At most, with what malloc() adds. */
#define AUDIT_LINE_BYTES (AUDIT_LINE_MAX + 64)

#define PARTS (VIV_MEMORY_PARTS + 7)

static uint64_t executions(const struct options *o)
{
    return (uint64_t)o->config.queue_max + o->config.workers_max + EXECUTE_CALLS_MARGIN;
}

/* Those that run, or wait for their request, or for their client to take the answer. */
static uint64_t calls(const struct options *o)
{
    unsigned most = o->config.queue_max + o->config.workers_max;

    return executions(o) + methods_calls_max() + admission_arrivals_max(most) +
           admission_answers_max(most);
}

static uint64_t connection_bytes(const struct options *o)
{
    struct address address;
    struct viv_error err;
    bool tls = false;

    for (size_t i = 0; i < o->listen.count; i++)
        tls |= address_parse(o->listen.words[i], true, &address, &err) == 0 && address.tls;
    return CONNECTION_BYTES + (tls ? HANDSHAKE_BYTES : 0);
}

static uint64_t audit_lines(const struct options *o)
{
    return o->audit ? AUDIT_QUEUE_MAX + (o->audit_required ? executions(o) : 0) : 0;
}

static void parts_of(const struct options *o, struct viv_memory_part ret_parts[PARTS])
{
    uint64_t message = (uint64_t)o->max_message;
    const struct viv_memory_part own[] = {
        {"the program", PROGRAM_BYTES},
        {"connections", (uint64_t)o->max_connections * connection_bytes(o)},
        {"calls", calls(o) * CALL_BYTES},
        /* gRPC's own quota, and one that is being unpacked. */
        {"messages that arrive", channel_args_quota(o->max_message) + 6 * message + MIB},
        /* One more is being packed. */
        {"answers that wait for their clients",
         o->answer_bytes_total + admission_answer_bytes_max(o->max_message) + message},
        /* One piece more, and what is left in the pipes at the end. */
        {"output that waits for its clients", executions(o) * (CALL_QUEUE_HIGH + 3 * (64u << 10))},
        {"audit lines that wait for the disk", audit_lines(o) * AUDIT_LINE_BYTES},
    };

    _Static_assert(sizeof(own) / sizeof(own[0]) == PARTS - VIV_MEMORY_PARTS, "all of them");
    memcpy(ret_parts, own, sizeof(own));
    viv_memory_bound(&o->config, o->tenants, o->tenant_count, ret_parts + PARTS - VIV_MEMORY_PARTS);
}

uint64_t bound_bytes(const struct options *options)
{
    struct viv_memory_part parts[PARTS];
    uint64_t sum = 0;

    parts_of(options, parts);
    for (size_t i = 0; i < PARTS; i++)
        sum += parts[i].bytes;
    return sum;
}

static bool has_exec(const struct options *o)
{
    for (size_t i = 0; i < o->config.profile_count; i++)
        if (o->config.profiles[i].isolation == VIV_ISOLATION_EXEC)
            return true;
    for (size_t i = 0; i < o->tenant_count; i++)
        if (o->tenants[i].isolation == VIV_ISOLATION_EXEC)
            return true;
    return false;
}

void bound_print(const struct options *options)
{
    struct viv_memory_part parts[PARTS];

    parts_of(options, parts);
    printf("the daemon's own memory, workers not counted, stays below %" PRIu64 " bytes:\n",
           bound_bytes(options));
    for (size_t i = 0; i < PARTS; i++)
        printf("%10.1f MiB  %s\n", (double)parts[i].bytes / MIB, parts[i].name);
    if (has_exec(options))
        printf(
            "not counted: an interpreter for each worker with isolation exec, some 10 MiB and what "
            "is preloaded, of at most %u workers\n",
            options->config.workers_max);
}
