/* ListExecutions and Describe. */
#ifndef VIVARIUM_SERVICE_QUERY_H
#define VIVARIUM_SERVICE_QUERY_H

#include "supervisor/service/call.h"

void query_list(struct call *call);

void query_describe(struct call *call);

#endif
