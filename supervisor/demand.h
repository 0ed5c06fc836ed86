/* Whose workers to keep warm. A pristine worker is born in the control group of
 * the tenant that it may serve, so the pool must guess: the next executions
 * will be of whom the last ones were. Each profile's is one for itself. Pure. */
#ifndef VIVARIUM_DEMAND_H
#define VIVARIUM_DEMAND_H

#include <stdbool.h>

#include "supervisor/vivarium.h"
#include "supervisor/worker_state.h"

/* One tenant's part. Lives as long as one of its counts is above 0. */
struct demand_tenant {
    char name[VIV_ID_MAX + 1];
    bool exec;             /* of those with zygotes of their own */
    unsigned recent;       /* of the last executions */
    unsigned queued;       /* executions that wait for a worker of its own */
    unsigned starting;     /* workers on their way */
    unsigned idle;         /* workers that wait */
    unsigned others;       /* workers that run or end */
    unsigned failed;       /* starts in a row */
    int64_t not_before_ns; /* when the next may be tried */
};

struct demand {
    struct demand_tenant *tenants;
    unsigned count, room;
    struct demand_tenant **ring; /* the last executions' tenants */
    unsigned ring_size, ring_next;
    unsigned warm; /* workers to keep ready */
};

/* `warm` as workers_warm; there are never more than `most` workers and queued
 * executions together. `first` is whose workers are kept before anybody came, `exec` as in
 * demand_of(). */
int demand_init(struct demand *demand, unsigned warm, unsigned most, const char *first, bool exec,
                struct viv_error *err);
void demand_free(struct demand *demand);

/* The tenant's entry, made where there is none; never NULL. Put a count into it
 * before the next call. Who is to have workers with zygotes of their own, `exec`,
 * is another than who isn't. */
struct demand_tenant *demand_of(struct demand *demand, const char *name, bool exec);

/* An execution of this tenant came. */
void demand_note(struct demand *demand, struct demand_tenant *tenant);

/* A worker of this tenant changed its state. */
void demand_move(struct demand_tenant *tenant, enum worker_state from, enum worker_state to);

/* A zygote took its workers along when it died: no start that failed by that is the tenant's. */
void demand_forgive(struct demand *demand);

bool demand_may_start(const struct demand_tenant *tenant, int64_t now_ns);

/* When the first of those who may not start yet may; INT64_MAX: there is none. */
int64_t demand_next_start(const struct demand *demand, int64_t now_ns);

/* Executions in the queue that no worker on its way will serve, of the one kind. */
unsigned demand_unserved(const struct demand *demand, bool exec);

/* Workers that wait or will, beyond what the queue takes. */
unsigned demand_reserve(const struct demand *demand);

/* Whose worker to start for the reserve: who lacks the most of his share and may
 * start; with `exec` also those who are to have zygotes of their own. NULL: nobody. */
struct demand_tenant *demand_lacking(const struct demand *demand, bool exec, int64_t now_ns);

/* Who has an idle worker above his share, the most so, and by more than *most, which
 * then is by how many; NULL: nobody. */
struct demand_tenant *demand_surplus(const struct demand *demand, unsigned *most);

#endif
