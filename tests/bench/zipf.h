/* Random numbers that are the same in every run, evenly spread or by Zipf's law: the k-th of
 * `count` things comes up in proportion to 1/k, as words do in a text and rooms do in a chat. One
 * thread. */
#ifndef TESTS_BENCH_ZIPF_H
#define TESTS_BENCH_ZIPF_H

#include <stdint.h>

struct random_source {
    uint64_t state; /* the seed */
};

uint32_t random_below(struct random_source *source, uint32_t bound);

struct zipf;

/* NULL when out of memory. */
struct zipf *zipf_new(uint32_t count);
void zipf_free(struct zipf *zipf);

/* A rank from 1 to `count`. */
uint32_t zipf_draw(const struct zipf *zipf, struct random_source *source);

#endif
