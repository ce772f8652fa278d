#include "heap.h"

#include <malloc.h>

enum {
    HEAP_LARGE_BYTES = 128 << 10, /* a block of as many is a mapping of its own */
    HEAP_LOOSE_BYTES = 8 << 20,   /* as many lie about before they are given back */
    HEAP_GROWTH_BYTES = 1 << 20,  /* with as many more between two calls, more comes yet */
};

void heap_share(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, HEAP_LARGE_BYTES);
}

void heap_give_back(struct heap *heap) {
    const size_t before = heap->free_bytes;
    heap->free_bytes = mallinfo2().fordblks;
    if (heap->free_bytes < heap->given_back)
        heap->given_back = heap->free_bytes;
    if (heap->free_bytes > before + HEAP_GROWTH_BYTES ||
        heap->free_bytes < heap->given_back + HEAP_LOOSE_BYTES)
        return;
    malloc_trim(0);
    heap->free_bytes = heap->given_back = mallinfo2().fordblks;
}
