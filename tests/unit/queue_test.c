#include "test.h"
#include "queue.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PRODUCERS = 4, ITEMS_EACH = 20000 };

struct numbered {
    struct queue_item item;
    unsigned producer;
    unsigned number;
};

struct producer {
    struct queue *queue;
    unsigned index;
    bool waits; /* with queue_push, or by itself with queue_try_push */
};

static void discard(struct queue_item *item) {
    free(item);
}

static struct queue_item *item_new(unsigned producer, unsigned number) {
    struct numbered *numbered = calloc(1, sizeof *numbered);
    numbered->item.cost = 1;
    numbered->producer = producer;
    numbered->number = number;
    return &numbered->item;
}

static void wait_readable(int descriptor) {
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
}

static void *produce(void *context) {
    struct producer *producer = context;
    int room = eventfd(0, EFD_NONBLOCK);
    struct queue_chain chain = {0};
    for (unsigned number = 0; number < ITEMS_EACH; number++) {
        queue_chain_add(&chain, item_new(producer->index, number));
        if (number % 7 != 6 && number != ITEMS_EACH - 1)
            continue;
        if (producer->waits)
            queue_push(producer->queue, &chain);
        while (!queue_try_push(producer->queue, &chain, room)) {
            uint64_t count;
            wait_readable(room);
            assert_int_equal(read(room, &count, sizeof count), sizeof count);
        }
    }
    close(room);
    return NULL;
}

/* Runs the producers and hands each chain that comes out to this thread, which checks the order. */
static void expect_all_in_order(bool producers_wait, bool consumer_polls) {
    struct queue *queue = queue_new(50);
    pthread_t threads[PRODUCERS];
    struct producer producers[PRODUCERS];
    unsigned next[PRODUCERS] = {0};
    unsigned left = PRODUCERS * ITEMS_EACH;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){queue, i, producers_wait};
        pthread_create(&threads[i], NULL, produce, &producers[i]);
    }
    while (left > 0) {
        if (consumer_polls)
            wait_readable(queue_descriptor(queue));
        struct queue_chain chain =
            consumer_polls ? queue_take_all(queue) : queue_wait_all(queue, -1);
        for (struct queue_item *item; (item = queue_chain_take(&chain)) != NULL; left--) {
            struct numbered *numbered = (struct numbered *)item;
            assert_int_equal(numbered->number, next[numbered->producer]);
            next[numbered->producer]++;
            free(item);
        }
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    queue_free(queue, discard);
}

static void every_item_comes_out_once_in_its_producers_order(void **state) {
    (void)state;
    expect_all_in_order(true, true);
    expect_all_in_order(true, false);
    expect_all_in_order(false, true);
    expect_all_in_order(false, false);
}

struct taker {
    struct queue *queue;
    unsigned taken;
};

static void *take_until_the_end(void *context) {
    struct taker *taker = context;
    for (;;) {
        struct numbered *numbered = (struct numbered *)queue_wait_one(taker->queue);
        bool end = numbered->producer == PRODUCERS;
        free(numbered);
        if (end)
            return NULL;
        taker->taken++;
    }
}

static void several_consumers_share_the_items_and_all_end(void **state) {
    (void)state;
    struct queue *queue = queue_new(SIZE_MAX);
    struct taker takers[3] = {{queue, 0}, {queue, 0}, {queue, 0}};
    pthread_t threads[3];
    struct queue_chain chain = {0};
    for (unsigned i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, take_until_the_end, &takers[i]);
    for (unsigned number = 0; number < ITEMS_EACH; number++)
        queue_chain_add(&chain, item_new(0, number));
    for (unsigned i = 0; i < 3; i++)
        queue_chain_add(&chain, item_new(PRODUCERS, i));
    queue_push(queue, &chain);
    unsigned taken = 0;
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, ITEMS_EACH);
    queue_free(queue, discard);
}

static void a_full_queue_refuses_and_says_when_there_is_room(void **state) {
    (void)state;
    struct queue *queue = queue_new(2);
    int room = eventfd(0, EFD_NONBLOCK);
    struct queue_chain chain = {0};
    struct pollfd wait = {.fd = room, .events = POLLIN};
    for (unsigned i = 0; i < 2; i++)
        queue_chain_add(&chain, item_new(0, i));
    assert_true(queue_try_push(queue, &chain, room));
    queue_chain_add(&chain, item_new(0, 2));
    assert_false(queue_try_push(queue, &chain, room));
    assert_non_null(chain.first);
    assert_int_equal(poll(&wait, 1, 0), 0);
    struct queue_chain taken = queue_take_all(queue);
    assert_int_equal(poll(&wait, 1, 0), 1);
    assert_true(queue_try_push(queue, &chain, room));
    for (struct queue_item *item; (item = queue_chain_take(&taken)) != NULL;)
        free(item);
    close(room);
    queue_free(queue, discard);
}

static uint64_t times_told(int wake) {
    uint64_t count = 0;
    return read(wake, &count, sizeof count) == sizeof count ? count : 0;
}

static void who_asks_for_room_again_and_again_is_told_once_and_so_are_the_others(void **state) {
    (void)state;
    struct queue *queue = queue_new(1);
    int first = eventfd(0, EFD_NONBLOCK), second = eventfd(0, EFD_NONBLOCK);
    struct queue_chain chain = {0};
    queue_chain_add(&chain, item_new(0, 0));
    assert_true(queue_try_push(queue, &chain, first));
    queue_chain_add(&chain, item_new(0, 1));
    for (int i = 0; i < 1000; i++)
        assert_false(queue_try_push(queue, &chain, first));
    for (int i = 0; i < 1000; i++)
        assert_false(queue_try_push(queue, &chain, second));
    struct queue_chain taken = queue_take_all(queue);
    assert_int_equal(times_told(first), 1);
    assert_int_equal(times_told(second), 1);
    assert_true(queue_try_push(queue, &chain, first));
    free(queue_chain_take(&taken));
    close(first);
    close(second);
    queue_free(queue, discard);
}

static void a_chain_larger_than_the_queue_goes_into_an_empty_one(void **state) {
    (void)state;
    struct queue *queue = queue_new(1);
    struct queue_chain chain = {0};
    for (unsigned i = 0; i < 10; i++)
        queue_chain_add(&chain, item_new(0, i));
    assert_true(queue_try_push(queue, &chain, -1));
    queue_free(queue, discard);
}

static void a_chain_that_fits_beside_others_is_taken(void **state) {
    (void)state;
    struct queue *queue = queue_new(10);
    struct queue_chain chain = {0};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            queue_chain_add(&chain, item_new(0, round * 4 + i));
        assert_int_equal(queue_try_push(queue, &chain, -1), round < 2);
    }
    assert_int_equal(queue_cost(queue), 8);
    for (struct queue_item *item; (item = queue_chain_take(&chain)) != NULL;)
        free(item);
    queue_free(queue, discard);
}

static void the_descriptor_is_readable_only_while_something_waits(void **state) {
    (void)state;
    struct queue *queue = queue_new(10);
    struct pollfd wait = {.fd = queue_descriptor(queue), .events = POLLIN};
    struct queue_chain chain = {0};
    assert_int_equal(poll(&wait, 1, 0), 0);
    queue_chain_add(&chain, item_new(0, 0));
    queue_push(queue, &chain);
    assert_int_equal(poll(&wait, 1, 0), 1);
    chain = queue_take_all(queue);
    free(queue_chain_take(&chain));
    assert_int_equal(poll(&wait, 1, 0), 0);
    queue_free(queue, discard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_comes_out_once_in_its_producers_order),
        cmocka_unit_test(several_consumers_share_the_items_and_all_end),
        cmocka_unit_test(a_full_queue_refuses_and_says_when_there_is_room),
        cmocka_unit_test(who_asks_for_room_again_and_again_is_told_once_and_so_are_the_others),
        cmocka_unit_test(a_chain_larger_than_the_queue_goes_into_an_empty_one),
        cmocka_unit_test(a_chain_that_fits_beside_others_is_taken),
        cmocka_unit_test(the_descriptor_is_readable_only_while_something_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
