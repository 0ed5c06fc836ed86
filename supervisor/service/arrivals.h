/* Calls that have begun and whose message has not come. They cost what others' calls
 * cost, and nobody has paid for them yet: they wait for so long, and there may be so many.
 * Past the most, the one that has waited longest goes, of the tenant that has most of
 * them: somebody else who sends his message with his call is never that one. Only
 * the poller's. */
#ifndef VIVARIUM_SERVICE_ARRIVALS_H
#define VIVARIUM_SERVICE_ARRIVALS_H

#include <stdint.h>
#include <sys/queue.h>

#include "supervisor/vivarium.h"

struct arrivals;
struct arrivals_tenant;

/* Part of a call; zeroed at its start. */
struct arrival {
    TAILQ_ENTRY(arrival) by_age, of_tenant;
    struct arrivals_tenant *tenant; /* NULL: it doesn't wait */
    int64_t since_ns;
};

/* `max`: of all together. The caller ends with arrivals_free(), where nothing waits. */
struct arrivals *arrivals_new(unsigned max);
void arrivals_free(struct arrivals *arrivals); /* NULL is fine */

/* One more waits. Returns the one that has to go for it, which waits no more, or NULL. */
struct arrival *arrivals_add(struct arrivals *arrivals, struct arrival *arrival, const char *tenant,
                             int64_t now_ns);

/* It has come, or it never will. One that doesn't wait is fine. */
void arrivals_remove(struct arrivals *arrivals, struct arrival *arrival);

/* The one that has waited longest, NULL: none does. */
struct arrival *arrivals_oldest(const struct arrivals *arrivals);

#endif
