#include "client/retry.h"

#define FIRST_DELAY_NS 20000000LL
#define LAST_DELAY_NS 1000000000LL

bool viv_retry_allowed(enum viv_retry_kind kind, enum viv_status status,
                       enum viv_retry_evidence evidence)
{
    static const bool allowed[VIV_RETRY_KINDS][VIV_RETRY_EVIDENCES] = {
        [VIV_RETRY_READ] = {[VIV_RETRY_NEVER_SENT] = true, [VIV_RETRY_MAY_BE_SENT] = true},
        [VIV_RETRY_CANCEL] = {[VIV_RETRY_NEVER_SENT] = true},
        [VIV_RETRY_NAMED] = {[VIV_RETRY_NEVER_SENT] = true},
        [VIV_RETRY_UNNAMED] = {[VIV_RETRY_NEVER_SENT] = false},
    };

    return status == VIV_UNAVAILABLE && allowed[kind][evidence];
}

int64_t viv_retry_delay_ns(unsigned attempt)
{
    int64_t delay = FIRST_DELAY_NS;

    for (unsigned i = 2; i < attempt && delay < LAST_DELAY_NS; i++)
        delay *= 2;
    return delay < LAST_DELAY_NS ? delay : LAST_DELAY_NS;
}
