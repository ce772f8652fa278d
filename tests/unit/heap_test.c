/* What was freed goes back to the system, wherever it lies in the heap. */
#include "test.h"
#include "heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HEAP_IS_A_SANITIZERS = 1 };
#else
enum { HEAP_IS_A_SANITIZERS = 0 };
#endif

enum { BLOCKS = 100000, BLOCK_BYTES = 500 };

static void *blocks[BLOCKS];

/* What the process has in memory. */
static size_t resident(void) {
    unsigned long reserved, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &reserved, &pages), 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void fill(void) {
    for (size_t i = 0; i + 1 < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
}

/* The last block keeps what is before it from being the heap's end. */
static void fill_up_to_the_last(void) {
    fill();
    blocks[BLOCKS - 1] = malloc(BLOCK_BYTES);
    assert_non_null(blocks[BLOCKS - 1]);
}

static void empty_but_the_last(void) {
    for (size_t i = 0; i + 1 < BLOCKS; i++)
        free(blocks[i]);
}

/* A sanitizer has a heap of its own, and keeps what was freed to catch who uses it. */
static void assert_gone(size_t full, size_t left) {
    if (!HEAP_IS_A_SANITIZERS)
        assert_true(left + (size_t)BLOCKS * BLOCK_BYTES / 2 < full);
}

/* As often as it takes for it to look for holes. */
static void give_back(struct heap *heap) {
    for (int i = 0; i < HEAP_LOOKS; i++)
        heap_give_back(heap);
}

static void holes_are_given_back_however_often_a_crowd_goes(void **state) {
    (void)state;
    struct heap heap;
    heap_share();
    heap_watch(&heap);
    assert_true(heap.statm >= 0);
    fill_up_to_the_last();
    for (int i = 0; i < 3; i++) {
        give_back(&heap);
        const size_t full = resident();
        empty_but_the_last();
        give_back(&heap);
        assert_gone(full, resident());
        fill();
    }
    /* One that has gone again before anybody looks. */
    const size_t full = resident();
    empty_but_the_last();
    give_back(&heap);
    fill();
    empty_but_the_last();
    heap_give_back(&heap);
    heap_give_back(&heap);
    assert_gone(full, resident());
    free(blocks[BLOCKS - 1]);
    close(heap.statm);
}

static void nothing_is_given_back_while_the_process_grows(void **state) {
    (void)state;
    struct heap heap;
    heap_watch(&heap);
    fill_up_to_the_last();
    empty_but_the_last();
    const size_t full = resident();
    heap_give_back(&heap);
    assert_true(full <= resident() + BLOCKS);
    heap_give_back(&heap);
    assert_gone(full, resident());
    free(blocks[BLOCKS - 1]);
    close(heap.statm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_given_back_however_often_a_crowd_goes),
        cmocka_unit_test(nothing_is_given_back_while_the_process_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
