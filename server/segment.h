/* A segment: encoded frames that never change again, shared by reference. The events one room got
 * in one commit are a segment (it is also the row in the log and the unit of fan-out); so is any
 * single answer (room 0, ids 0). Any thread; the last reference frees it. */
#ifndef SERVER_SEGMENT_H
#define SERVER_SEGMENT_H

#include "buffer.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct segment {
    atomic_uint references;
    uint32_t room;
    uint64_t first_id; /* ids in a segment are consecutive */
    uint64_t last_id;
    size_t size;
    uint8_t bytes[];
};

/* A segment with one reference and a copy of the buffer's content. NULL when out of memory, or when
 * the buffer has failed. */
struct segment *segment_new(const struct buffer *content);

struct segment *segment_take(struct segment *segment);
void segment_drop(struct segment *segment);

#endif
