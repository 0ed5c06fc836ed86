#include "client/viv/exit_status.h"

#include <signal.h>
#include <sysexits.h>

#define TIMED_OUT 124 /* as timeout(1) */

static int of_death(const struct viv_client_response *r)
{
    if (r->death_signal)
        return 128 + r->death_signal;
    /* os._exit(): python3 would have ended so, too */
    if (r->death_status >= 0)
        return r->death_status;
    return 128 + SIGKILL; /* it broke the protocol and was killed for it */
}

int viv_exit_status_of(const struct viv_client_response *response, int signal)
{
    switch (response->outcome) {
    case VIV_CLIENT_COMPLETED:
        return response->exit_status >= 0 ? response->exit_status : 0;
    case VIV_CLIENT_RAISED:
        return VIV_EXIT_RAISED;
    case VIV_CLIENT_OUTCOME_CANCELLED:
        return 128 + (signal ? signal : SIGINT);
    case VIV_CLIENT_WALL_TIME_EXCEEDED:
    case VIV_CLIENT_CPU_TIME_EXCEEDED:
    case VIV_CLIENT_STEPS_EXCEEDED:
        return TIMED_OUT;
    case VIV_CLIENT_MEMORY_EXCEEDED:
        return 128 + SIGKILL; /* as the kernel's own out-of-memory kill */
    case VIV_CLIENT_OUTPUT_EXCEEDED:
        return 128 + SIGXFSZ;
    case VIV_CLIENT_WORKER_DIED:
        return of_death(response);
    default:
        return EX_SOFTWARE;
    }
}

int viv_exit_status_of_error(enum viv_status status)
{
    switch (status) {
    case VIV_OK:
        return 0;
    case VIV_INVALID_ARGUMENT:
        return VIV_EXIT_USAGE;
    case VIV_UNAVAILABLE:
        return EX_UNAVAILABLE;
    case VIV_DEADLINE_EXCEEDED:
        return TIMED_OUT;
    case VIV_CANCELLED:
        return 128 + SIGINT;
    case VIV_RESOURCE_EXHAUSTED:
        return EX_TEMPFAIL;
    case VIV_PERMISSION_DENIED:
    case VIV_UNAUTHENTICATED:
        return EX_NOPERM;
    case VIV_NOT_FOUND:
    case VIV_ALREADY_EXISTS:
    case VIV_FAILED_PRECONDITION:
        return VIV_EXIT_RAISED;
    default:
        return EX_SOFTWARE;
    }
}
