/* PID 1 of a worker's namespaces. */
#ifndef VIVARIUM_INIT_H
#define VIVARIUM_INIT_H

#include "worker/layers.h"
#include "worker/seccomp.h"
#include "worker/vm/vm.h"

/* What a clone of the zygote sits down with. */
struct viv_seat {
    int proc; /* as in struct viv_jail */
    int channel, control, out, err;
    pid_t zygote; /* its pid where there is no pid namespace */
    /* Its control groups, as proto/zygote.h says: those to enter, or the one to
     * be born in, else -1. */
    const int *doors;
    unsigned door_count;
    int group;
    int netns; /* the zygote is in it, to be born in it; -1: the clone makes one */
    const struct viv_vm_ops *ops;
    struct viv_vm *vm;
    struct viv_layers layers; /* as in struct viv_jail, as the next two */
    const char *const *read_only_paths;
    bool network;
    const struct viv_seccomp *filter;
    const struct viv_prefault *prefault;
    struct viv_seccomp *alone; /* installed where there is no pid namespace */
};

/* Exit status of a worker that could not be set up; its stderr says why. */
#define VIV_INIT_FAILED 71

/* The life of a worker, from the clone on. */
_Noreturn void viv_init_run(const struct viv_seat *seat);

/* What the zygote learns from a clone that enters the jail and no more. */
struct viv_init_trial {
    uint64_t layers;
    struct viv_error error; /* VIV_OK: it worked */
};

/* Enters the jail, writes a struct viv_init_trial to the channel and exits. */
_Noreturn void viv_init_try(const struct viv_seat *seat);

#endif
