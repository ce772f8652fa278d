/* Walker's alias method: a draw costs the same for any count. Each column holds a share of its own
 * rank and is filled up by one other. */
#include "zipf.h"

#include <stdbool.h>
#include <stdlib.h>

struct column {
    uint32_t alias;
    uint32_t share; /* of 2^32: how often the column means its own rank */
};

struct zipf {
    uint32_t count;
    struct column columns[];
};

static uint32_t random_next(struct random_source *source) {
    uint64_t mixed = source->state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)(mixed >> 32);
}

uint32_t random_below(struct random_source *source, uint32_t bound) {
    return (uint32_t)((uint64_t)random_next(source) * bound >> 32);
}

static double zipf_total(uint32_t count) {
    double total = 0;
    for (uint32_t rank = count; rank > 0; rank--)
        total += 1.0 / rank;
    return total;
}

static uint32_t zipf_share(double height) {
    return height >= 1 ? UINT32_MAX : (uint32_t)(height * UINT32_MAX);
}

/* Heights are 1 on average and fall with the rank, so the first of those above 1 fills the lowest
 * until it has no more to give. */
static void zipf_level(struct zipf *zipf, double *heights) {
    uint32_t giver = 0;
    for (uint32_t low = zipf->count; low-- > 0;) {
        uint32_t taker = low;
        while (taker != giver && heights[taker] < 1) {
            zipf->columns[taker] = (struct column){giver, zipf_share(heights[taker])};
            heights[giver] -= 1 - heights[taker];
            heights[taker] = 1;
            if (heights[giver] < 1 && giver + 1 < low)
                taker = giver++;
        }
    }
}

struct zipf *zipf_new(uint32_t count) {
    struct zipf *zipf = malloc(sizeof *zipf + count * sizeof *zipf->columns);
    double *heights = malloc(count * sizeof *heights);
    if (zipf == NULL || heights == NULL) {
        free(heights);
        free(zipf);
        return NULL;
    }
    double total = zipf_total(count);
    zipf->count = count;
    for (uint32_t i = 0; i < count; i++) {
        heights[i] = count / ((i + 1) * total);
        zipf->columns[i] = (struct column){i, UINT32_MAX};
    }
    zipf_level(zipf, heights);
    free(heights);
    return zipf;
}

void zipf_free(struct zipf *zipf) {
    free(zipf);
}

uint32_t zipf_draw(const struct zipf *zipf, struct random_source *source) {
    uint32_t column = random_below(source, zipf->count);
    bool own = random_next(source) <= zipf->columns[column].share;
    return 1 + (own ? column : zipf->columns[column].alias);
}
