/* The zygote: the warm process that workers are cloned from. */
#ifndef VIVARIUM_ZYGOTE_PROCESS_H
#define VIVARIUM_ZYGOTE_PROCESS_H

#include "worker/vm/vm.h"

/* Serves the supervisor on descriptor VIV_ZYGOTE_FD until that closes. Returns
 * the exit status of the process; several processes return. */
int viv_zygote_run(const struct viv_vm_ops *ops, const char *const *preload);

#endif
