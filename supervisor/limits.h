/* Defaults, ceilings and the checks of what a caller asks for. Pure. */
#ifndef VIVARIUM_LIMITS_H
#define VIVARIUM_LIMITS_H

#include "supervisor/vivarium.h"

/* The kernel grants a millisecond of each 100 at least. */
#define LIMITS_CPU_MILLIS_MIN 10

/* Fills unset fields of `asked` from `defaults` and holds every field against
 * `ceilings`. Where memory_soft_bytes is unset it is seven eighths of
 * memory_bytes; where cpu_time is unset it is wall_time. VIV_INVALID_ARGUMENT
 * names the field and the ceiling. */
int limits_resolve(const struct viv_limits *asked, const struct viv_limits *defaults,
                   const struct viv_limits *ceilings, struct viv_limits *ret_limits,
                   struct viv_error *err);

/* [A-Za-z0-9._:-], 1 to VIV_ID_MAX bytes. `what` names it in the error. */
int limits_check_id(const char *what, const char *id, struct viv_error *err);

/* What a request says of sessions. */
int limits_check_session(const struct viv_request *request, const struct viv_session_config *config,
                         struct viv_error *err);

/* Everything of a request but its limits: names, sizes, encodings. */
int limits_check_request(const struct viv_request *request, uint64_t bytes_max,
                         struct viv_error *err);

#endif
