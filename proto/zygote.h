/* What crosses between the supervisor and its zygote, over a SOCK_SEQPACKET
 * pair whose zygote end is descriptor VIV_ZYGOTE_FD at exec. The zygote never
 * runs user code: both ends come from one build and are trusted, so these are
 * plain structures. Numbers that name a worker are opaque to the zygote. */
#ifndef VIVARIUM_ZYGOTE_H
#define VIVARIUM_ZYGOTE_H

#include <stdint.h>

#define VIV_ZYGOTE_FD 3

enum viv_zygote_type {
    VIV_ZYGOTE_INVALID = 0,
    VIV_ZYGOTE_READY,   /* to the supervisor, once: preloaded and able to clone */
    VIV_ZYGOTE_FAILED,  /* to the supervisor, then it exits: text says why */
    VIV_ZYGOTE_SPAWN,   /* to the zygote; descriptors as enum viv_spawn_fd */
    VIV_ZYGOTE_SPAWNED, /* answer; descriptor: pidfd of the worker's init, unless error */
    VIV_ZYGOTE_EXITED,  /* the worker's pid namespace is empty and reaped */
};

enum viv_spawn_fd {
    VIV_SPAWN_CHANNEL, /* the worker's end, SOCK_SEQPACKET */
    VIV_SPAWN_CONTROL, /* control page memfd */
    VIV_SPAWN_STDOUT,
    VIV_SPAWN_STDERR,
    VIV_SPAWN_FDS
};

/* Behind those four, how the worker gets into its control groups
 * (supervisor/cgroup): `doors` descriptors to write "0" to, before it is
 * anything but a lone thread; or, with `into_group`, the one directory to be
 * born in. */
#define VIV_SPAWN_DOORS 4
#define VIV_SPAWN_FDS_MAX (VIV_SPAWN_FDS + VIV_SPAWN_DOORS)

/* Whom a supervisor that is root has its zygote become. */
#define VIV_ZYGOTE_UID 65534

/* Layers of isolation, bits of viv_zygote_message.layers and of what vivarium.h
 * calls layers. */
enum viv_layer {
    VIV_LAYER_USER_NAMESPACE,
    VIV_LAYER_PID_NAMESPACE,
    VIV_LAYER_MOUNT_NAMESPACE,
    VIV_LAYER_NETWORK_NAMESPACE,
    VIV_LAYER_IPC_NAMESPACE,
    VIV_LAYER_UTS_NAMESPACE,
    VIV_LAYER_CGROUP_NAMESPACE,
    VIV_LAYER_READ_ONLY_ROOT,
    VIV_LAYER_PRIVATE_TMPFS,
    VIV_LAYER_PRIVATE_PROC,
    VIV_LAYER_NO_NEW_PRIVS,
    VIV_LAYER_NO_CAPABILITIES,
    VIV_LAYER_RLIMITS,
    VIV_LAYER_LANDLOCK,
    VIV_LAYER_SECCOMP,
    /* The supervisor's; the zygote knows nothing of these. */
    VIV_LAYER_CGROUP_MEMORY,
    VIV_LAYER_CGROUP_SWAP,
    VIV_LAYER_CGROUP_PIDS,
    VIV_LAYER_CGROUP_CPU,
    VIV_LAYERS
};

#define VIV_LAYER_BIT(layer) (UINT64_C(1) << (layer))
/* What the zygote's READY may hold. */
#define VIV_LAYERS_JAIL (VIV_LAYER_BIT(VIV_LAYER_CGROUP_MEMORY) - 1)
#define VIV_LAYERS_CGROUP (VIV_LAYER_BIT(VIV_LAYERS) - VIV_LAYER_BIT(VIV_LAYER_CGROUP_MEMORY))

/* One structure for every message; unused members are 0. */
struct viv_zygote_message {
    uint32_t type;
    uint32_t slot;
    uint64_t generation;
    uint32_t doors;       /* SPAWN */
    uint32_t into_group;  /* SPAWN: 0 or 1 */
    uint64_t layers;      /* READY */
    int32_t error;        /* SPAWNED: 0 or an errno */
    int32_t wait_status;  /* EXITED: of the worker's init */
    uint64_t user_cpu_ns; /* EXITED: of the whole pid namespace */
    uint64_t system_cpu_ns;
    uint64_t peak_rss_bytes;
    uint64_t clone_ns; /* SPAWNED: how long the clone took */
    char text[512];    /* READY: the VM's name, "CPython 3.11.2"; FAILED: why */
};

#endif
