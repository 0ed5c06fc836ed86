/* The details of a call's status, as gRPC's richer error model has them. */
#ifndef VIVARIUM_SERVICE_STATUS_H
#define VIVARIUM_SERVICE_STATUS_H

#include <grpc/slice.h>

#include "proto/error.h"

/* The key of the trailing metadata that holds them. */
#define STATUS_DETAILS_KEY "grpc-status-details-bin"

/* A serialized google.rpc.Status with a RetryInfo; empty where the error has no
 * time to try again. The caller unrefs it. */
grpc_slice status_details(const struct viv_error *err);

#endif
