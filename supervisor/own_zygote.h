/* The zygote of a worker that shares its with no other: started with it, and
 * ended with it. On the reactor. */
#ifndef VIVARIUM_OWN_ZYGOTE_H
#define VIVARIUM_OWN_ZYGOTE_H

#include <stdbool.h>

#include "supervisor/link.h"
#include "supervisor/watch.h"

struct viv_supervisor;
struct worker;

/* A slot's. */
struct own_zygote {
    struct link link;
    struct watch link_watch;
    struct watch end;
    bool ready; /* it said so, and was asked for the worker */
};

void own_zygote_init(struct own_zygote *own);

/* Starts it, of the profile that the worker is to be of. It asks for the worker
 * once it is ready; where it does not get there, the worker has failed to spawn. */
int own_zygote_start(struct worker *worker, struct viv_error *err);

/* Kills one that takes too long. */
void own_zygote_kill(struct worker *worker);

/* Nothing of the worker is left, or is to be. Nothing where there is none. */
void own_zygote_end(struct worker *worker);

/* Whether its process is reaped: only then may the slot have another. */
bool own_zygote_gone(const struct own_zygote *own);

/* Of all slots, at the supervisor's end. */
void own_zygotes_end(struct viv_supervisor *supervisor);
bool own_zygotes_gone(const struct viv_supervisor *supervisor);

#endif
