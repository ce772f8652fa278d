#include "sample.h"

#include <stdlib.h>
#include <time.h>

double sample_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void sample_add(struct sample *sample, double milliseconds) {
    if (sample->count < SAMPLE_MAX)
        sample->milliseconds[sample->count++] = milliseconds;
}

static int compare_durations(const void *a, const void *b) {
    double first = *(const double *)a;
    double second = *(const double *)b;
    return (first > second) - (first < second);
}

double sample_percentile(struct sample *sample, unsigned percent) {
    if (sample->count == 0)
        return 0;
    qsort(sample->milliseconds, sample->count, sizeof *sample->milliseconds, compare_durations);
    return sample->milliseconds[(sample->count - 1) * percent / 100];
}
