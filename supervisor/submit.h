/* The way in, and the way back of a place. */
#ifndef VIVARIUM_SUBMIT_H
#define VIVARIUM_SUBMIT_H

#include "supervisor/execution.h"

/* The place's next ticket. */
viv_ticket submit_next_ticket(const struct viv_supervisor *supervisor,
                              const struct execution *execution);

/* Counts bytes that are held for requests, beside those that came with them. */
void submit_charge(struct viv_supervisor *supervisor, int64_t bytes);

/* Gives its tenant back what it took of its quotas: before it is told, so that
 * who has been told may submit the next one. */
void submit_settle(struct viv_supervisor *supervisor, struct execution *execution);

/* Returns a place to the free list. */
void submit_release(struct viv_supervisor *supervisor, struct execution *execution);

#endif
