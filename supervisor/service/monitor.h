/* GET /metrics, /healthz and /readyz over HTTP, on an address of its own.
 *
 * /healthz: 200 while the process can answer. /readyz: 200 while executions
 * are taken, 503 before and after. Without credentials: it is to listen where
 * only monitoring comes. */
#ifndef VIVARIUM_SERVICE_MONITOR_H
#define VIVARIUM_SERVICE_MONITOR_H

#include "proto/error.h"
#include "supervisor/service/metrics.h"

struct monitor;

/* `ask` fills in what is asked for at the moment; called on the monitor's own
 * thread. `fd` listens, and stays the caller's. Ends with monitor_stop(). */
int monitor_start(int fd, void (*ask)(void *arg, struct metrics_now *ret_now), void *arg,
                  struct monitor **ret_monitor, struct viv_error *err);

/* Waits for the answers that are under way. NULL is fine. */
void monitor_stop(struct monitor *monitor);

#endif
