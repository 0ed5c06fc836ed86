/* May a failed call be sent again? Pure.
 *
 * The rule: never where code could run twice. gRPC itself already repeats what
 * it knows that no server has seen (a stream refused, a connection closed
 * before the request was written), so what is left to decide is small. */
#ifndef VIVARIUM_CLIENT_RETRY_H
#define VIVARIUM_CLIENT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

enum viv_retry_kind {
    VIV_RETRY_READ,    /* changes nothing: list, describe, health */
    VIV_RETRY_CANCEL,  /* an execution_id may be used again: a late second one could hit that */
    VIV_RETRY_NAMED,   /* Execute with an execution_id that the caller chose */
    VIV_RETRY_UNNAMED, /* Execute without: the caller could not find a twin */
    VIV_RETRY_KINDS
};

enum viv_retry_evidence {
    VIV_RETRY_NEVER_SENT,  /* there was no connection, no call was begun */
    VIV_RETRY_MAY_BE_SENT, /* begun, and the connection or the server failed it */
    VIV_RETRY_EVIDENCES
};

bool viv_retry_allowed(enum viv_retry_kind kind, enum viv_status status,
                       enum viv_retry_evidence evidence);

/* How long to wait before try number `attempt` (the first is 1): 20 ms,
 * doubled each time, at most 1 s. */
int64_t viv_retry_delay_ns(unsigned attempt);

#endif
