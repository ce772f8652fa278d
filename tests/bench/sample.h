/* Durations of one thing done many times. One thread. */
#ifndef TESTS_BENCH_SAMPLE_H
#define TESTS_BENCH_SAMPLE_H

#include <stddef.h>

enum { SAMPLE_MAX = 1000 };

struct sample {
    double milliseconds[SAMPLE_MAX];
    size_t count;
};

/* Milliseconds that only ever grow, with their fractions. */
double sample_now(void);

void sample_add(struct sample *sample, double milliseconds);

/* The value that `percent` of the sample lie at or below: 50 is the median. */
double sample_percentile(struct sample *sample, unsigned percent);

#endif
