/* The contract's names of the enums in the public header. */
#include "client/vivarium_client.h"

#define PICK(names, value) pick(names, sizeof(names) / sizeof((names)[0]), value)

static const char *pick(const char *const *names, int count, int value)
{
    return value >= 0 && value < count && names[value] ? names[value] : "UNSPECIFIED";
}

const char *viv_client_outcome_name(int outcome)
{
    static const char *const names[] = {
        [VIV_CLIENT_COMPLETED] = "COMPLETED",
        [VIV_CLIENT_RAISED] = "RAISED",
        [VIV_CLIENT_OUTCOME_CANCELLED] = "CANCELLED",
        [VIV_CLIENT_WALL_TIME_EXCEEDED] = "WALL_TIME_EXCEEDED",
        [VIV_CLIENT_CPU_TIME_EXCEEDED] = "CPU_TIME_EXCEEDED",
        [VIV_CLIENT_MEMORY_EXCEEDED] = "MEMORY_EXCEEDED",
        [VIV_CLIENT_OUTPUT_EXCEEDED] = "OUTPUT_EXCEEDED",
        [VIV_CLIENT_STEPS_EXCEEDED] = "STEPS_EXCEEDED",
        [VIV_CLIENT_WORKER_DIED] = "WORKER_DIED",
    };

    return PICK(names, outcome);
}

const char *viv_client_cause_name(int cause)
{
    static const char *const names[] = {
        [VIV_CLIENT_CAUSE_CANCEL_RPC] = "CANCEL_RPC",
        [VIV_CLIENT_CAUSE_CALL_CANCELLED] = "CALL_CANCELLED",
        [VIV_CLIENT_CAUSE_CLIENT_GONE] = "CLIENT_GONE",
        [VIV_CLIENT_CAUSE_DEADLINE] = "DEADLINE",
        [VIV_CLIENT_CAUSE_WALL_TIME] = "WALL_TIME",
        [VIV_CLIENT_CAUSE_CPU_TIME] = "CPU_TIME",
        [VIV_CLIENT_CAUSE_MEMORY] = "MEMORY",
        [VIV_CLIENT_CAUSE_OUTPUT] = "OUTPUT",
        [VIV_CLIENT_CAUSE_STEPS] = "STEPS",
        [VIV_CLIENT_CAUSE_SESSION_CLOSED] = "SESSION_CLOSED",
        [VIV_CLIENT_CAUSE_DRAIN] = "DRAIN",
    };

    return PICK(names, cause);
}

const char *viv_client_delivery_name(int delivery)
{
    static const char *const names[] = {
        [VIV_CLIENT_DELIVERY_COOPERATIVE] = "COOPERATIVE",
        [VIV_CLIENT_DELIVERY_KILLED] = "KILLED",
        [VIV_CLIENT_DELIVERY_TOO_LATE] = "TOO_LATE",
    };

    return PICK(names, delivery);
}

const char *viv_client_execution_state_name(int state)
{
    static const char *const names[] = {
        [VIV_CLIENT_QUEUED] = "QUEUED",
        [VIV_CLIENT_RUNNING] = "RUNNING",
        [VIV_CLIENT_CANCELLING] = "CANCELLING",
    };

    return PICK(names, state);
}

const char *viv_client_restored_from_name(int restored_from)
{
    static const char *const names[] = {
        [VIV_CLIENT_RESTORED_FROM_EVICTION] = "EVICTION",
        [VIV_CLIENT_RESTORED_FROM_CRASH] = "CRASH",
        [VIV_CLIENT_RESTORED_FROM_KILL] = "KILL",
        [VIV_CLIENT_RESTORED_FROM_RESTART] = "RESTART",
        [VIV_CLIENT_RESTORED_FROM_OTHER_SUPERVISOR] = "OTHER_SUPERVISOR",
    };

    return PICK(names, restored_from);
}

const char *viv_client_durability_name(int durability)
{
    static const char *const names[] = {
        [VIV_CLIENT_ON_EVICTION] = "ON_EVICTION",
        [VIV_CLIENT_EVERY_EXECUTION] = "EVERY_EXECUTION",
    };

    return PICK(names, durability);
}
