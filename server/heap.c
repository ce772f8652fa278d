#include "heap.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HEAP_LARGE_BYTES = 128 << 10, /* a block of as many is a mapping of its own */
    HEAP_LOOSE_BYTES = 8 << 20,   /* as many lie about before they are given back */
    HEAP_GROWTH_BYTES = 1 << 20,  /* with as many more between two calls, more comes yet */
};

void heap_share(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, HEAP_LARGE_BYTES);
}

/* What the process has in memory that is not of a file; 0 if that cannot be known. */
static size_t heap_measure(const struct heap *heap) {
    char text[128];
    char *at = text;
    ssize_t size = heap->statm < 0 ? 0 : pread(heap->statm, text, sizeof text - 1, 0);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    strtoul(at, &at, 10); /* with what is only reserved */
    const size_t resident = strtoul(at, &at, 10);
    const size_t of_files = strtoul(at, &at, 10);
    return (resident - of_files) * (size_t)sysconf(_SC_PAGESIZE);
}

void heap_watch(struct heap *heap) {
    *heap = (struct heap){.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
    heap->before = heap->least = heap_measure(heap);
}

/* Whether there is a good deal more that nobody has than was given back. To count it, the heap
 * walks through all its holes, while nobody else can allocate. */
static bool heap_has_holes(struct heap *heap) {
    if (++heap->calls % HEAP_LOOKS != 0)
        return false;
    const size_t free_bytes = mallinfo2().fordblks;
    if (free_bytes < heap->given_back)
        heap->given_back = free_bytes;
    return free_bytes >= heap->given_back + HEAP_LOOSE_BYTES;
}

void heap_give_back(struct heap *heap) {
    const size_t now = heap_measure(heap);
    const size_t before = heap->before;
    heap->before = now;
    if (now < heap->least)
        heap->least = now;
    const bool grows = now > before + HEAP_GROWTH_BYTES;
    const bool has_grown = now >= heap->least + HEAP_LOOSE_BYTES;
    if (!(has_grown && !grows) && !heap_has_holes(heap))
        return;
    malloc_trim(0);
    heap->before = heap->least = heap_measure(heap);
    heap->given_back = mallinfo2().fordblks;
}
