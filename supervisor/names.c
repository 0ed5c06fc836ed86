/* The contract's names of the enums that this library shares with it. */
#include "proto/layer.h"
#include "supervisor/vivarium.h"

#define PICK(names, value) pick(names, sizeof(names) / sizeof((names)[0]), (unsigned)(value))

static const char *pick(const char *const *names, unsigned count, unsigned value)
{
    return value < count && names[value] ? names[value] : "UNSPECIFIED";
}

int viv_layer_find(const char *name, uint64_t *ret_mask, struct viv_error *err)
{
    int layer = viv_layer_named(name);

    if (layer < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "there is no layer '%s'; the names are those that Describe tells, such as "
                        "cgroup_memory or landlock",
                        name);
    *ret_mask = VIV_LAYER_BIT(layer);
    return 0;
}

const char *viv_cause_name(enum viv_cause cause)
{
    static const char *const names[] = {
        [VIV_CAUSE_CANCEL_RPC] = "CANCEL_RPC",
        [VIV_CAUSE_CALL_CANCELLED] = "CALL_CANCELLED",
        [VIV_CAUSE_CLIENT_GONE] = "CLIENT_GONE",
        [VIV_CAUSE_DEADLINE] = "DEADLINE",
        [VIV_CAUSE_WALL_TIME] = "WALL_TIME",
        [VIV_CAUSE_CPU_TIME] = "CPU_TIME",
        [VIV_CAUSE_MEMORY] = "MEMORY",
        [VIV_CAUSE_OUTPUT] = "OUTPUT",
        [VIV_CAUSE_STEPS] = "STEPS",
        [VIV_CAUSE_SESSION_CLOSED] = "SESSION_CLOSED",
        [VIV_CAUSE_DRAIN] = "DRAIN",
    };

    return PICK(names, cause);
}

const char *viv_outcome_name(enum viv_outcome outcome)
{
    static const char *const names[] = {
        [VIV_OUTCOME_COMPLETED] = "COMPLETED",
        [VIV_OUTCOME_RAISED] = "RAISED",
        [VIV_OUTCOME_CANCELLED] = "CANCELLED",
        [VIV_OUTCOME_WALL_TIME_EXCEEDED] = "WALL_TIME_EXCEEDED",
        [VIV_OUTCOME_CPU_TIME_EXCEEDED] = "CPU_TIME_EXCEEDED",
        [VIV_OUTCOME_MEMORY_EXCEEDED] = "MEMORY_EXCEEDED",
        [VIV_OUTCOME_OUTPUT_EXCEEDED] = "OUTPUT_EXCEEDED",
        [VIV_OUTCOME_STEPS_EXCEEDED] = "STEPS_EXCEEDED",
        [VIV_OUTCOME_WORKER_DIED] = "WORKER_DIED",
    };

    return PICK(names, outcome);
}
