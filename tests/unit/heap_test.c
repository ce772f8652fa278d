/* What was freed goes back to the system, wherever it lies in the heap. */
#include "test.h"
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HEAP_IS_A_SANITIZERS = 1 };
#else
enum { HEAP_IS_A_SANITIZERS = 0 };
#endif

enum { BLOCKS = 100000, BLOCK_BYTES = 500 };

static void *blocks[BLOCKS];

static size_t measure(struct heap *heap) {
    heap->least = SIZE_MAX; /* it gives back nothing, and learns how much there is */
    heap_give_back(heap);
    return heap->least;
}

static void fill(void) {
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
}

static void empty_but_the_last(void) {
    for (size_t i = 0; i + 1 < BLOCKS; i++)
        free(blocks[i]);
}

static void holes_are_given_back(void **state) {
    (void)state;
    struct heap heap;
    struct heap probe;
    heap_share();
    heap_watch(&heap);
    heap_watch(&probe);
    assert_true(heap.statm >= 0);
    fill();
    heap_give_back(&heap); /* it still grows */
    empty_but_the_last();
    size_t full = measure(&probe);
    heap_give_back(&heap);
    size_t left = measure(&probe);
    free(blocks[BLOCKS - 1]);
    /* A sanitizer has a heap of its own, and keeps what was freed to catch who uses it. */
    if (!HEAP_IS_A_SANITIZERS)
        assert_true(left + (size_t)BLOCKS * BLOCK_BYTES / 2 < full);
}

static void without_the_kernels_word_nothing_is_done(void **state) {
    (void)state;
    struct heap heap = {.statm = -1};
    for (int i = 0; i < 3; i++)
        heap_give_back(&heap);
    assert_int_equal(heap.least, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_given_back),
        cmocka_unit_test(without_the_kernels_word_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
