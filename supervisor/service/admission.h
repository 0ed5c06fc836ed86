/* From a call's headers to its method: who it is, whether its request comes, whether there
 * may be one more. Only the poller's, but for `refused`. */
#ifndef VIVARIUM_SERVICE_ADMISSION_H
#define VIVARIUM_SERVICE_ADMISSION_H

#include <stdatomic.h>
#include <stdint.h>

#include "supervisor/service/arrivals.h"

/* Calls that were refused, whose clients have not read why. */
#define ADMISSION_REFUSED_MAX 1024

/* Calls that have begun and whose request has not come, at least. */
#define ADMISSION_ARRIVALS_MIN 1024

/* How many of those there may be: as many as may come in one rush and be taken. */
static inline unsigned admission_arrivals_max(unsigned executions_max)
{
    return executions_max > ADMISSION_ARRIVALS_MIN ? executions_max : ADMISSION_ARRIVALS_MIN;
}

struct call;
struct gate;

struct admission {
    struct gate *gate;
    int64_t request_timeout_ns; /* 0: none */
    struct arrivals *arrivals;
    atomic_uint refused; /* calls whose clients have not taken that */
};

/* A call has come. Its method begins now, or with its request, or never. */
void admission_take(struct call *call);

/* What call_receive() asked for; nothing where the call has begun. */
void admission_request_came(struct call *call);

/* When admission_expire() has something to do next; INT64_MAX: nothing. */
int64_t admission_next(const struct admission *admission);

/* Ends the calls whose requests have taken too long. */
void admission_expire(struct admission *admission);

#endif
