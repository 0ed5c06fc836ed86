/* The line that says how an execution ended when that was not normal. */
#ifndef VIVARIUM_CLIENT_VIV_REPORT_H
#define VIVARIUM_CLIENT_VIV_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "client/vivarium_client.h"

#define VIV_REPORT_MAX 512

/* "cancelled (cooperative, 0.3 ms to unwind)"; "" where there is nothing to
 * say. With the cancel's reason unless it was our own. Pure. */
void viv_report_end(const struct viv_client_response *response, bool own_cancel,
                    char line[VIV_REPORT_MAX]);

/* Text from elsewhere, cut to `size` and made fit for a terminal: no control
 * characters. Gives `cell` back. */
const char *viv_report_clean(const char *text, char *cell, size_t size);

/* "1.2 s", "0.3 ms". */
void viv_report_time(int64_t ns, char *text, size_t size);

/* Prints "viv: TEXT" to stderr, and for a supervisor that isn't there what to
 * do. */
void viv_report_error(const char *target, const struct viv_error *error);

#endif
