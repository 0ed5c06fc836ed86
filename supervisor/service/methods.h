/* Every method that is served. */
#ifndef VIVARIUM_SERVICE_METHODS_H
#define VIVARIUM_SERVICE_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/service/call.h"

extern const struct method methods[];
extern const size_t methods_count;

/* Whether its calls are executions. */
bool methods_runs_code(const struct method *method);

/* The most calls at a time of all methods that run nothing. */
unsigned methods_calls_max(void);

#endif
