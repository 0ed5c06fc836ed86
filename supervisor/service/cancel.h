/* The Cancel method. */
#ifndef VIVARIUM_SERVICE_CANCEL_H
#define VIVARIUM_SERVICE_CANCEL_H

#include "supervisor/service/call.h"

void cancel_begin(struct call *call);

#endif
