/* How much memory the daemon may come to need: what --check-config prints. */
#ifndef VIVARIUM_SERVICE_BOUND_H
#define VIVARIUM_SERVICE_BOUND_H

#include "supervisor/service/options.h"

/* The sum of the lines that bound_print() prints. */
uint64_t bound_bytes(const struct options *options);

void bound_print(const struct options *options);

#endif
