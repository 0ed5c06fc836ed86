/* The daemon's life: start, wait, drain, stop, each in an order that matters. */
#ifndef VIVARIUM_SERVICE_DAEMON_H
#define VIVARIUM_SERVICE_DAEMON_H

#include <signal.h>

#include "proto/error.h"
#include "supervisor/service/options.h"

/* The signals that it waits for; to be blocked in every thread. */
void daemon_signals(sigset_t *ret_set);

/* Serves until SIGTERM or SIGINT arrives, and returns 0 when all has ended in
 * order. SIGHUP reads the configuration file's tenants, credentials and
 * certificates again, and opens the audit's file anew; SIGUSR1 does only the
 * latter. A second SIGTERM cuts the drain's grace short, a third one exits at
 * once.
 * Errors: VIV_INVALID_ARGUMENT for flags that don't go together, others for
 * what the machine lacks. */
int daemon_run(const struct options *options, struct viv_error *err);

#endif
