/* From a call's headers to its end: who it is, whether its request comes, whether there may
 * be one more, and what it takes of what all have in common. */
#ifndef VIVARIUM_SERVICE_ADMISSION_H
#define VIVARIUM_SERVICE_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/service/arrivals.h"
#include "supervisor/service/shares.h"

/* Calls that have begun and whose request has not come, at least. */
#define ADMISSION_ARRIVALS_MIN 1024

/* How many of those there may be: as many as may come in one rush and be taken. */
static inline unsigned admission_arrivals_max(unsigned executions_max)
{
    return executions_max > ADMISSION_ARRIVALS_MIN ? executions_max : ADMISSION_ARRIVALS_MIN;
}

/* Calls that have their status, whose clients have not taken it: all executions may end
 * together, while others are refused. */
static inline unsigned admission_answers_max(unsigned executions_max)
{
    return executions_max + 1024;
}

/* The bytes of these, but for what executions answer (answers.h). */
static inline uint64_t admission_answer_bytes_max(int max_message)
{
    return (UINT64_C(32) << 20) + (uint64_t)max_message;
}

struct call;
struct gate;

struct admission {
    struct gate *gate;
    int64_t request_timeout_ns; /* 0: none */
    struct arrivals *arrivals;
    struct shares *shares;
};

/* What a call has. `holder`: whose places it takes, the tenant's where that is proven, else
 * the connection's. */
struct admitted {
    struct share *connection, *holder;
    bool placed;
    struct share_answer answer;
};

/* A call has come. Its method begins now, or with its request, or never. The poller's, as
 * are all but the last two. */
void admission_take(struct call *call);

/* Of a bidi method: its next message is awaited, with the patience that there is for a
 * first one. */
void admission_await(struct call *call);

/* The same once its client has taken the answer to the one before. */
void admission_go_on(struct call *call);

/* What call_receive() asked for; nothing where the call has begun. */
void admission_request_came(struct call *call);

/* When admission_expire() has something to do next; INT64_MAX: nothing. */
int64_t admission_next(const struct admission *admission);

/* Ends the calls whose requests have taken too long. */
void admission_expire(struct admission *admission);

/* It is being answered, and so many bytes wait that nobody else counts; `last`: with its
 * status, so that it takes no place any more. With the call's lock. */
void admission_answered(struct call *call, size_t bytes, bool last);

/* It is being freed. */
void admission_left(struct call *call);

#endif
