/* The daemon calls itself before anybody else can. */
#ifndef VIVARIUM_SERVICE_SELFCHECK_H
#define VIVARIUM_SERVICE_SELFCHECK_H

#include "proto/error.h"

/* Calls ListExecutions over the connection `fd` (takes it), whose other end the
 * server has. VIV_FAILED_PRECONDITION where it is turned away: gRPC does not
 * name connections as peers.h expects. */
int selfcheck_call(int fd, struct viv_error *err);

#endif
