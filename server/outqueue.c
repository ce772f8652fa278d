#include "outqueue.h"

#include <stdlib.h>

/* More pieces a write would cost stack and gain nothing: a segment is mostly far above a packet. */
enum { OUTQUEUE_FIRST = 8, OUTQUEUE_PIECES_MAX = 256 };

static bool outqueue_grow(struct outqueue *queue) {
    uint32_t capacity = queue->capacity > 0 ? queue->capacity * 2 : OUTQUEUE_FIRST;
    struct segment **ring = malloc(capacity * sizeof(struct segment *));
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < queue->count; i++)
        ring[i] = queue->ring[(queue->head + i) & (queue->capacity - 1)];
    free(queue->ring);
    queue->ring = ring;
    queue->head = 0;
    queue->capacity = capacity;
    return true;
}

bool outqueue_push(struct outqueue *queue, struct segment *segment) {
    if (queue->count == queue->capacity && !outqueue_grow(queue)) {
        segment_drop(segment);
        return false;
    }
    queue->ring[(queue->head + queue->count) & (queue->capacity - 1)] = segment;
    queue->count++;
    queue->bytes += segment->size;
    return true;
}

/* Drops what has been written from the front. */
static void outqueue_consume(struct outqueue *queue, size_t written) {
    queue->bytes -= written;
    queue->offset += written;
    while (queue->count > 0 && queue->offset >= queue->ring[queue->head]->size) {
        queue->offset -= queue->ring[queue->head]->size;
        segment_drop(queue->ring[queue->head]);
        queue->head = (queue->head + 1) & (queue->capacity - 1);
        queue->count--;
    }
}

static int outqueue_gather(const struct outqueue *queue, struct iovec *pieces) {
    uint32_t count = queue->count < OUTQUEUE_PIECES_MAX ? queue->count : OUTQUEUE_PIECES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct segment *segment = queue->ring[(queue->head + i) & (queue->capacity - 1)];
        size_t skip = i == 0 ? queue->offset : 0;
        pieces[i] = (struct iovec){segment->bytes + skip, segment->size - skip};
    }
    return (int)count;
}

enum outqueue_result outqueue_flush(struct outqueue *queue, struct link *link) {
    struct iovec pieces[OUTQUEUE_PIECES_MAX];
    while (queue->count > 0) {
        ssize_t written = link_write(link, pieces, outqueue_gather(queue, pieces));
        if (written == LINK_AGAIN)
            return OUTQUEUE_BLOCKED;
        if (written < 0)
            return OUTQUEUE_FAILED;
        outqueue_consume(queue, (size_t)written);
    }
    if (queue->capacity > OUTQUEUE_FIRST)
        outqueue_free(queue);
    return OUTQUEUE_EMPTY;
}

void outqueue_free(struct outqueue *queue) {
    for (uint32_t i = 0; i < queue->count; i++)
        segment_drop(queue->ring[(queue->head + i) & (queue->capacity - 1)]);
    free(queue->ring);
    *queue = (struct outqueue){0};
}
