/* The contract's names of the enums that this library shares with it. */
#include <string.h>

#include "proto/zygote.h"
#include "supervisor/vivarium.h"

#define PICK(names, value) pick(names, sizeof(names) / sizeof((names)[0]), (unsigned)(value))

static const char *pick(const char *const *names, unsigned count, unsigned value)
{
    return value < count && names[value] ? names[value] : "UNSPECIFIED";
}

const char *viv_layer_name(unsigned layer)
{
    static const char *const names[] = {
        [VIV_LAYER_USER_NAMESPACE] = "user_namespace",
        [VIV_LAYER_PID_NAMESPACE] = "pid_namespace",
        [VIV_LAYER_MOUNT_NAMESPACE] = "mount_namespace",
        [VIV_LAYER_NETWORK_NAMESPACE] = "network_namespace",
        [VIV_LAYER_IPC_NAMESPACE] = "ipc_namespace",
        [VIV_LAYER_UTS_NAMESPACE] = "uts_namespace",
        [VIV_LAYER_READ_ONLY_ROOT] = "read_only_root",
        [VIV_LAYER_PRIVATE_TMPFS] = "private_tmpfs",
        [VIV_LAYER_NO_NEW_PRIVS] = "no_new_privs",
        [VIV_LAYER_NO_CAPABILITIES] = "no_capabilities",
        [VIV_LAYER_RLIMITS] = "rlimits",
        [VIV_LAYER_LANDLOCK] = "landlock",
        [VIV_LAYER_SECCOMP] = "seccomp",
        [VIV_LAYER_CGROUP_MEMORY] = "cgroup_memory",
        [VIV_LAYER_CGROUP_SWAP] = "cgroup_swap",
        [VIV_LAYER_CGROUP_PIDS] = "cgroup_pids",
        [VIV_LAYER_CGROUP_CPU] = "cgroup_cpu",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == VIV_LAYERS, "a name for each layer");

    return layer < VIV_LAYERS ? names[layer] : NULL;
}

int viv_layer_find(const char *name, uint64_t *ret_mask, struct viv_error *err)
{
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        if (strcmp(name, viv_layer_name(i)) == 0) {
            *ret_mask = VIV_LAYER_BIT(i);
            return 0;
        }
    }
    return viv_fail(err, VIV_INVALID_ARGUMENT,
                    "there is no layer '%s'; the names are those that Describe tells, such as "
                    "cgroup_memory or landlock",
                    name);
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
