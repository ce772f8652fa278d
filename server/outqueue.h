/* What waits to be written to one connection: references to segments, in order. A worker's alone.
 */
#ifndef SERVER_OUTQUEUE_H
#define SERVER_OUTQUEUE_H

#include "link.h"
#include "segment.h"

#include <stdbool.h>

struct outqueue {
    struct segment *
        *ring; /* `capacity` places, a power of two; NULL while it never held anything */
    uint32_t head;
    uint32_t count;
    uint32_t capacity;
    size_t offset; /* bytes of the first segment already written */
    size_t bytes;  /* still to be written */
};

/* What a piece takes besides its bytes, roughly. */
enum { OUTQUEUE_PIECE_COST = 96 };

/* What waits takes at most so much memory. */
static inline size_t outqueue_cost(const struct outqueue *queue) {
    return queue->bytes + queue->count * (size_t)OUTQUEUE_PIECE_COST;
}

enum outqueue_result { OUTQUEUE_EMPTY, OUTQUEUE_BLOCKED, OUTQUEUE_FAILED };

/* Takes over the reference, also when it returns false for want of memory. */
bool outqueue_push(struct outqueue *queue, struct segment *segment);

/* Writes as much as the link takes. */
enum outqueue_result outqueue_flush(struct outqueue *queue, struct link *link);

void outqueue_free(struct outqueue *queue);

#endif
