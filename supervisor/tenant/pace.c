#include "supervisor/tenant/pace.h"

/* What the interval would be if one ended now. */
static int64_t interval_at(const struct pace *p, int64_t now_ns)
{
    int64_t gap = now_ns - p->last_ns;

    if (p->last_ns == 0)
        return 0;
    return p->interval_ns == 0 ? gap : p->interval_ns + (gap - p->interval_ns) / 8;
}

void pace_note(struct pace *pace, int64_t now_ns)
{
    pace->interval_ns = interval_at(pace, now_ns);
    pace->last_ns = now_ns;
}

int64_t pace_delay(const struct pace *pace, uint64_t live, int64_t now_ns)
{
    int64_t interval = pace->interval_ns, at_now = interval_at(pace, now_ns);
    uint64_t steps = live / 2 + 1;

    /* A long silence tells of slower times before the next one ends. */
    if (interval < at_now)
        interval = at_now;
    if (interval == 0)
        interval = PACE_UNKNOWN_NS;
    if (steps > (uint64_t)(PACE_DELAY_MAX_NS / interval))
        return PACE_DELAY_MAX_NS;
    interval *= (int64_t)steps;
    return interval < PACE_DELAY_MIN_NS ? PACE_DELAY_MIN_NS : interval;
}
