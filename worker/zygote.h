/* The zygote: the warm process that workers are cloned from. */
#ifndef VIVARIUM_ZYGOTE_PROCESS_H
#define VIVARIUM_ZYGOTE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/vm/vm.h"

struct viv_zygote_config {
    const char *const *preload; /* modules; NULL-terminated */
    /* Of the machine, that workers see beside what Python needs; absolute,
     * NULL-terminated, may be NULL. */
    const char *const *read_only_paths;
    bool network;      /* the supervisor's own, for workers to use */
    size_t answer_max; /* bytes of a run's answer; 0: VIV_SERVE_BODY_MAX, as where it is more */
    uint64_t allowed;  /* bits of enum viv_layer: may be absent */
    uint64_t without;  /* are left out, for tests */
};

/* Serves the supervisor on descriptor VIV_ZYGOTE_FD until that closes. Returns
 * the exit status of the process; several processes return. */
int viv_zygote_run(const struct viv_vm_ops *ops, const struct viv_zygote_config *config);

#endif
