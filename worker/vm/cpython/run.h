/* One run of user code in __main__. */
#ifndef VIVARIUM_VM_CPYTHON_RUN_H
#define VIVARIUM_VM_CPYTHON_RUN_H

#include "worker/vm/vm.h"

/* Once, before user code. */
int viv_run_setup(void);

/* Takes the paths of a run once, in the zygote, and leaves nothing behind but
 * what they made warm: symbols that were bound, caches that were filled, pages
 * that each clone would else have to write for itself. */
void viv_run_rehearse(void);

/* As struct viv_vm_ops says; the answer takes at most `answer_max` bytes. */
int viv_run(const struct viv_vm_run *run, size_t answer_max, struct viv_vm_report *ret_report,
            struct viv_error *err);

#endif
