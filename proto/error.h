/* How errors are filled in. What they are, the libraries' users know, too:
 * vivarium_error.h. */
#ifndef VIV_ERROR_H
#define VIV_ERROR_H

#include <stdarg.h>

#include "proto/vivarium_error.h"

/* Fills in `err` (may be NULL). Always returns -1, so that a caller can
 * `return viv_fail(err, ...)`. */
int viv_fail(struct viv_error *err, enum viv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno behind it. */
int viv_fail_errno(struct viv_error *err, enum viv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says in `err` (may be NULL) when to try again. Always returns -1. */
int viv_retry_after(struct viv_error *err, int64_t delay_ns);

#endif
