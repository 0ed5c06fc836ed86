/* From the public messages to the supervisor's structs, with the checks that
 * only a protobuf reader can make: the supervisor makes the others. Pure. */
#ifndef VIVARIUM_SERVICE_CONVERT_H
#define VIVARIUM_SERVICE_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/vivarium.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* 1 to VIV_ID_MAX characters of [A-Za-z0-9._:-]. */
int convert_tenant(const char *text, size_t len, char ret_tenant[VIV_ID_MAX + 1],
                   struct viv_error *err);

/* A span of time that is not negative; NULL is 0. `field` is for the error. */
int convert_duration(const Google__Protobuf__Duration *duration, const char *field, int64_t *ret_ns,
                     struct viv_error *err);

/* NULL: nothing but defaults. */
int convert_limits(const Vivarium__V1__Limits *limits, struct viv_limits *ret_limits,
                   struct viv_error *err);

/* *ret_request points into `message`; tenant, deadline and scope are left
 * unset. */
int convert_execute(const Vivarium__V1__ExecuteRequest *message, struct viv_request *ret_request,
                    struct viv_error *err);

/* *ret_cancel points into `message`; the tenant is left unset. */
int convert_cancel(const Vivarium__V1__CancelRequest *message, struct viv_cancel *ret_cancel,
                   struct viv_error *err);

/* The deadline for the execution, less what the response needs to arrive in
 * time: a tenth of a second and a hundredth of what is left, but no more than a
 * quarter of it. */
int64_t convert_deadline(int64_t deadline_ns, int64_t now_ns);

#endif
