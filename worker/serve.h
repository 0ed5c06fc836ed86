/* The VM process: takes RUN frames, runs them, answers. */
#ifndef VIVARIUM_SERVE_H
#define VIVARIUM_SERVE_H

#include "proto/control_page.h"
#include "worker/vm/vm.h"

/* Most bytes of the body of a RUN and of a RESULT. */
#define VIV_SERVE_BODY_MAX (64u * 1024 * 1024)

struct viv_serve {
    int channel;
    const struct viv_control_page *page;
    const struct viv_vm_ops *ops;
    struct viv_vm *vm;
};

/* Serves until the supervisor closes the channel, or one execution for a
 * worker without a session; then ends the process. */
_Noreturn void viv_serve(const struct viv_serve *serve);

/* Adopts the VM and runs `code` as viv_serve() would, with nobody at the other
 * end: in a child of the zygote that ends afterwards. -1: it could not. */
int viv_serve_rehearse(const struct viv_vm_ops *ops, struct viv_vm *vm, const char *code,
                       struct viv_error *err);

#endif
