/* Time in nanoseconds. */
#ifndef VIVARIUM_CLOCK_H
#define VIVARIUM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

static inline int64_t clock_realtime(void)
{
    return clock_read(CLOCK_REALTIME);
}

#endif
