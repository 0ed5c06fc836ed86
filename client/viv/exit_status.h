/* What viv exits with. Pure. */
#ifndef VIVARIUM_CLIENT_VIV_EXIT_STATUS_H
#define VIVARIUM_CLIENT_VIV_EXIT_STATUS_H

#include "client/vivarium_client.h"

#define VIV_EXIT_RAISED 1
#define VIV_EXIT_USAGE 2

/* Of an execution that ran: python's own status where the code ended by itself,
 * timeout(1)'s 124 for a limit of time, a shell's 128 + signal for what was
 * ended by force. `signal` is the one that viv was interrupted by, 0: none. */
int viv_exit_status_of(const struct viv_client_response *response, int signal);

/* Of a call that failed: sysexits(3) where it fits. */
int viv_exit_status_of_error(enum viv_status status);

#endif
