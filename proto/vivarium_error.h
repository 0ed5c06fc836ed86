/* What every fallible function reports: a status and a sentence.
 *
 * Convention: `int f(..., T *ret_x, struct viv_error *err)` returns 0, or -1
 * with `err` filled in and the outputs untouched. The caller owns the error;
 * it holds no pointers and needs no release. `err` may be NULL. */
#ifndef VIVARIUM_ERROR_H
#define VIVARIUM_ERROR_H

#include <stdint.h>

/* The values are gRPC's status codes
 * (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), so that the
 * service needs no table. */
enum viv_status {
    VIV_OK = 0,
    VIV_CANCELLED = 1,
    VIV_UNKNOWN = 2,
    VIV_INVALID_ARGUMENT = 3,
    VIV_DEADLINE_EXCEEDED = 4,
    VIV_NOT_FOUND = 5,
    VIV_ALREADY_EXISTS = 6,
    VIV_PERMISSION_DENIED = 7,
    VIV_RESOURCE_EXHAUSTED = 8,
    VIV_FAILED_PRECONDITION = 9,
    VIV_UNIMPLEMENTED = 12,
    VIV_INTERNAL = 13,
    VIV_UNAVAILABLE = 14,
    VIV_UNAUTHENTICATED = 16,
};

#define VIV_ERROR_TEXT 512

struct viv_error {
    enum viv_status status;
    /* With VIV_RESOURCE_EXHAUSTED: when to try again, in nanoseconds from now; 0:
     * not known. */
    int64_t retry_after_ns;
    char text[VIV_ERROR_TEXT]; /* UTF-8, NUL-terminated, cut where too long */
};

#endif
