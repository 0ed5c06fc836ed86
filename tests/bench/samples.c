#include "tests/bench/samples.h"

#include <stdlib.h>
#include <time.h>

double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void samples_add(struct samples *samples, double us)
{
    if (samples->count < SAMPLES_MAX)
        samples->us[samples->count++] = us;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double samples_percentile(struct samples *samples, double p)
{
    qsort(samples->us, samples->count, sizeof(double), by_value);
    return samples->us[(size_t)((double)(samples->count - 1) * p)];
}
