#include "segment.h"

#include <stdlib.h>
#include <string.h>

struct segment *segment_new(const struct buffer *content) {
    if (content->failed)
        return NULL;
    struct segment *segment = malloc(sizeof *segment + content->size);
    if (segment == NULL)
        return NULL;
    atomic_init(&segment->references, 1);
    segment->room = 0;
    segment->first_id = 0;
    segment->last_id = 0;
    segment->size = content->size;
    memcpy(segment->bytes, content->data, content->size);
    return segment;
}

struct segment *segment_take(struct segment *segment) {
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

void segment_drop(struct segment *segment) {
    if (segment != NULL &&
        atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) == 1)
        free(segment);
}
