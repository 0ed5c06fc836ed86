/* The nest: the namespaces that the zygote itself lives in, and the promise
 * that nothing in it outlives the supervisor. */
#ifndef VIVARIUM_NEST_H
#define VIVARIUM_NEST_H

#include "proto/error.h"
#include "worker/layers.h"

/* The one id that exists inside, for users and groups alike. */
#define VIV_NEST_ID 1000

/* Enters the namespaces, those at least that can't be absent, and adds them to
 * layers->present. Returns 0 in a new process, PID 1 of the nest; the process
 * that called waits for it and ends as it ends. `link` is the socket to the
 * supervisor, `*ret_proc` a directory descriptor of the /proc outside. */
int viv_nest_enter(int link, struct viv_layers *layers, int *ret_proc, struct viv_error *err);

/* The clone(2) flags of the namespaces among these layers. */
int viv_nest_flags(uint64_t layers);

#endif
