/* What is kept of each execution: metrics, audit and log. */
#ifndef VIVARIUM_SERVICE_ACCOUNT_H
#define VIVARIUM_SERVICE_ACCOUNT_H

#include "supervisor/service/call.h"
#include "supervisor/vivarium.h"

/* Before it is handed over. Errors: VIV_UNAVAILABLE while the audit is required
 * and can't be written. */
int account_begin(struct call *call, const struct viv_request *request, struct viv_error *err);

/* It ended, or did not run; once for each that has begun. */
void account_ended(struct call *call, const struct viv_result *result);
void account_rejected(struct call *call, const struct viv_error *error);

#endif
