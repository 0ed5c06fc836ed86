/* Executions that wait for a worker, in the fair queue, and what those that run
 * cost their tenants. On the reactor. */
#ifndef VIVARIUM_QUEUE_H
#define VIVARIUM_QUEUE_H

#include "supervisor/execution.h"

/* Before anything else is done with an execution of the tenant's: its place may
 * have been another's before. */
void queue_meet(struct viv_supervisor *supervisor, struct tenant *tenant);

/* Whether there is room for an execution that has just arrived; where others
 * have more than their share of it, one of theirs is rejected to make some. */
int queue_admit(struct viv_supervisor *supervisor, const struct execution *execution,
                struct viv_error *err);

void queue_push(struct viv_supervisor *supervisor, struct execution *execution);

/* By the worker that it is to have. */
enum queue_kind { QUEUE_FORK, QUEUE_EXEC };

/* Takes out the execution whose turn it is among those of these kinds, a mask;
 * NULL: none may start. */
struct execution *queue_pop(struct viv_supervisor *supervisor, unsigned kinds);

/* Takes out one that waits. */
void queue_remove(struct viv_supervisor *supervisor, struct execution *execution);

/* One starts; by queue_pop() or on a worker that its session has. */
void queue_began(struct viv_supervisor *supervisor, struct execution *execution);

/* Whether one may start now on the worker that its session has; if not, it waits
 * until others of its tenant have ended. */
bool queue_may_start(struct viv_supervisor *supervisor, struct execution *execution);
/* Starts those that may by now. */
void queue_serve_held(struct viv_supervisor *supervisor);
/* Takes out one that waits so. */
void queue_unhold(struct viv_supervisor *supervisor, struct execution *execution);

/* One more, or less, waits for its turn in its session. */
void queue_aside(struct viv_supervisor *supervisor, struct execution *execution, int change);

/* Puts one that was to start back in front. */
void queue_put_back(struct viv_supervisor *supervisor, struct execution *execution);

/* The same, but it waits elsewhere from now on. */
void queue_give_up(struct viv_supervisor *supervisor, struct execution *execution);

/* One has left its worker: its tenant is charged. */
void queue_ended(struct viv_supervisor *supervisor, struct execution *execution);

#endif
