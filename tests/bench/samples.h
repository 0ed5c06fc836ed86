/* Times of one kind of call, and what they come to. */
#ifndef VIVARIUM_TESTS_BENCH_SAMPLES_H
#define VIVARIUM_TESTS_BENCH_SAMPLES_H

#include <stddef.h>

#define SAMPLES_MAX 4096

struct samples {
    double us[SAMPLES_MAX];
    size_t count;
};

double now_us(void);

/* What is past SAMPLES_MAX is dropped. */
void samples_add(struct samples *samples, double us);

/* Sorts them; 0 <= p <= 1. There must be some. */
double samples_percentile(struct samples *samples, double p);

#endif
