#include "proto/layer.h"

#include <stddef.h>
#include <string.h>

const char *viv_layer_name(unsigned layer)
{
    static const char *const names[] = {
        [VIV_LAYER_USER_NAMESPACE] = "user_namespace",
        [VIV_LAYER_PID_NAMESPACE] = "pid_namespace",
        [VIV_LAYER_MOUNT_NAMESPACE] = "mount_namespace",
        [VIV_LAYER_NETWORK_NAMESPACE] = "network_namespace",
        [VIV_LAYER_IPC_NAMESPACE] = "ipc_namespace",
        [VIV_LAYER_UTS_NAMESPACE] = "uts_namespace",
        [VIV_LAYER_CGROUP_NAMESPACE] = "cgroup_namespace",
        [VIV_LAYER_READ_ONLY_ROOT] = "read_only_root",
        [VIV_LAYER_PRIVATE_TMPFS] = "private_tmpfs",
        [VIV_LAYER_PRIVATE_PROC] = "private_proc",
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

int viv_layer_named(const char *name)
{
    for (unsigned layer = 0; layer < VIV_LAYERS; layer++)
        if (strcmp(viv_layer_name(layer), name) == 0)
            return (int)layer;
    return -1;
}
