/* A token bucket. Pure; it keeps one number, the time at which it is full. */
#ifndef VIVARIUM_BUCKET_H
#define VIVARIUM_BUCKET_H

#include <stdint.h>

#define BUCKET_BURST_MAX 1000000
#define BUCKET_RATE_MIN 0.001
#define BUCKET_RATE_MAX 1e6

struct bucket {
    int64_t full_at_ns; /* zeroed: it is full */
};

struct bucket_rate {
    int64_t interval_ns; /* between two tokens; 0: no limit */
    unsigned burst;      /* how many it holds; at least 1 */
};

/* `per_second` and `burst` within the bounds above; 0 per second: no limit. */
struct bucket_rate bucket_rate(double per_second, unsigned burst);

/* Takes a token and returns 0; where there is none, in how many nanoseconds
 * there will be one. */
int64_t bucket_take(struct bucket *bucket, const struct bucket_rate *rate, int64_t now_ns);

#endif
