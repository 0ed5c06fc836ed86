/* The daemon's life: start, wait, drain, stop, each in an order that matters. */
#ifndef VIVARIUM_SERVICE_DAEMON_H
#define VIVARIUM_SERVICE_DAEMON_H

#include <signal.h>

#include "proto/error.h"
#include "supervisor/service/options.h"

/* The signals that end it; to be blocked in every thread. */
void daemon_signals(sigset_t *ret_set);

/* Serves until one of them arrives, and returns 0 when all has ended in order.
 * A second one cuts the drain's grace short, a third one exits at once.
 * Errors: VIV_INVALID_ARGUMENT for flags that don't go together, others for
 * what the machine lacks. */
int daemon_run(const struct options *options, struct viv_error *err);

#endif
