#include "supervisor/tenant/bucket.h"

struct bucket_rate bucket_rate(double per_second, unsigned burst)
{
    struct bucket_rate rate = {.burst = burst};

    if (per_second > 0)
        rate.interval_ns = (int64_t)(1e9 / per_second + 0.5);
    return rate;
}

int64_t bucket_take(struct bucket *bucket, const struct bucket_rate *rate, int64_t now_ns)
{
    int64_t full_at = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
    int64_t wait = full_at - now_ns - (int64_t)(rate->burst - 1) * rate->interval_ns;

    if (rate->interval_ns == 0)
        return 0;
    if (wait > 0)
        return wait;
    bucket->full_at_ns = full_at + rate->interval_ns;
    return 0;
}
