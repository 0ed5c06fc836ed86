/* ExecuteStream: an execution's events as they happen. */
#ifndef VIVARIUM_SERVICE_STREAM_H
#define VIVARIUM_SERVICE_STREAM_H

#include "supervisor/service/call.h"

void stream_begin(struct call *call);

/* The client has caught up: its execution's output is read again. */
void stream_drained(struct call *call);

#endif
