#include "queue.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Producers that may wait for room at a time; they are threads of ours, so this is a bound on
 * those. */
enum { QUEUE_WAITERS_MAX = 256 };

struct queue {
    /* set once */
    size_t capacity;
    int descriptor;

    /* under the lock, which is never held over I/O other than the wake-up */
    pthread_mutex_t lock;
    pthread_cond_t items_came;
    pthread_cond_t room_came;
    struct queue_chain items;
    bool signalled; /* the descriptor is readable already */
    unsigned consumers_waiting;
    unsigned producers_waiting;
    int waiters[QUEUE_WAITERS_MAX]; /* eventfds to write to when there is room */
    size_t waiter_count;
};

struct queue *queue_new(size_t capacity) {
    struct queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (queue->descriptor < 0) {
        free(queue);
        return NULL;
    }
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->items_came, NULL);
    pthread_cond_init(&queue->room_came, NULL);
    return queue;
}

void queue_free(struct queue *queue, void (*discard)(struct queue_item *item)) {
    if (queue == NULL)
        return;
    for (struct queue_item *item; (item = queue_chain_take(&queue->items)) != NULL;)
        discard(item);
    pthread_cond_destroy(&queue->room_came);
    pthread_cond_destroy(&queue->items_came);
    pthread_mutex_destroy(&queue->lock);
    close(queue->descriptor);
    free(queue);
}

void queue_chain_add(struct queue_chain *chain, struct queue_item *item) {
    item->next = NULL;
    if (chain->last != NULL)
        chain->last->next = item;
    else
        chain->first = item;
    chain->last = item;
    chain->cost += item->cost;
}

struct queue_item *queue_chain_take(struct queue_chain *chain) {
    struct queue_item *item = chain->first;
    if (item == NULL)
        return NULL;
    chain->first = item->next;
    if (chain->first == NULL)
        chain->last = NULL;
    chain->cost -= item->cost;
    item->next = NULL;
    return item;
}

static void queue_wake(int descriptor) {
    /* An eventfd write fails only when the counter is full, and then its reader is awake already.
     */
    uint64_t one = 1;
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written;
}

/* A chain larger than the whole queue still goes into an empty one. */
static bool queue_has_room(const struct queue *queue, size_t cost) {
    return queue->items.first == NULL || queue->items.cost + cost <= queue->capacity;
}

/* With the lock held. */
static void queue_append(struct queue *queue, struct queue_chain *chain) {
    if (queue->items.last != NULL)
        queue->items.last->next = chain->first;
    else
        queue->items.first = chain->first;
    queue->items.last = chain->last;
    queue->items.cost += chain->cost;
    *chain = (struct queue_chain){0};
    if (queue->consumers_waiting > 0)
        pthread_cond_signal(&queue->items_came);
    if (!queue->signalled) {
        queue->signalled = true;
        queue_wake(queue->descriptor);
    }
}

void queue_push(struct queue *queue, struct queue_chain *chain) {
    if (chain->first == NULL)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->producers_waiting++;
    while (!queue_has_room(queue, chain->cost))
        pthread_cond_wait(&queue->room_came, &queue->lock);
    queue->producers_waiting--;
    queue_append(queue, chain);
    pthread_mutex_unlock(&queue->lock);
}

/* With the lock held; a waiter that asks again is still one. */
static void queue_add_waiter(struct queue *queue, int wake) {
    for (size_t i = 0; i < queue->waiter_count; i++)
        if (queue->waiters[i] == wake)
            return;
    if (queue->waiter_count < QUEUE_WAITERS_MAX)
        queue->waiters[queue->waiter_count++] = wake;
}

bool queue_try_push(struct queue *queue, struct queue_chain *chain, int wake) {
    if (chain->first == NULL)
        return true;
    pthread_mutex_lock(&queue->lock);
    bool room = queue_has_room(queue, chain->cost);
    if (room)
        queue_append(queue, chain);
    else if (wake >= 0)
        queue_add_waiter(queue, wake);
    pthread_mutex_unlock(&queue->lock);
    return room;
}

/* With the lock held, after something was taken. */
static void queue_tell_room(struct queue *queue) {
    if (queue->producers_waiting > 0)
        pthread_cond_broadcast(&queue->room_came);
    for (size_t i = 0; i < queue->waiter_count; i++)
        queue_wake(queue->waiters[i]);
    queue->waiter_count = 0;
}

/* With the lock held. */
static struct queue_chain queue_empty(struct queue *queue) {
    struct queue_chain taken = queue->items;
    queue->items = (struct queue_chain){0};
    queue_tell_room(queue);
    return taken;
}

struct queue_chain queue_take_all(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    if (queue->signalled) {
        uint64_t count;
        ssize_t got = read(queue->descriptor, &count, sizeof count);
        (void)got;
        queue->signalled = false;
    }
    struct queue_chain taken = queue_empty(queue);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

/* With the lock held. */
static void queue_wait_items(struct queue *queue, int milliseconds) {
    struct timespec until = {0};
    int result = 0;
    if (queue->items.first == NULL && milliseconds >= 0)
        until = clock_deadline(milliseconds);
    queue->consumers_waiting++;
    while (queue->items.first == NULL && result != ETIMEDOUT)
        result = milliseconds < 0 ? pthread_cond_wait(&queue->items_came, &queue->lock)
                                  : pthread_cond_clockwait(&queue->items_came, &queue->lock,
                                                           CLOCK_MONOTONIC, &until);
    queue->consumers_waiting--;
}

struct queue_chain queue_wait_all(struct queue *queue, int milliseconds) {
    pthread_mutex_lock(&queue->lock);
    queue_wait_items(queue, milliseconds);
    struct queue_chain taken = queue_empty(queue);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

struct queue_item *queue_wait_one(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue_wait_items(queue, -1);
    struct queue_item *item = queue_chain_take(&queue->items);
    queue_tell_room(queue);
    /* A chain signals once; whoever takes one item of several passes the signal on. */
    if (queue->items.first != NULL && queue->consumers_waiting > 0)
        pthread_cond_signal(&queue->items_came);
    pthread_mutex_unlock(&queue->lock);
    return item;
}

int queue_descriptor(const struct queue *queue) {
    return queue->descriptor;
}

size_t queue_cost(const struct queue *queue) {
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&queue->lock;
    pthread_mutex_lock(lock);
    size_t cost = queue->items.cost;
    pthread_mutex_unlock(lock);
    return cost;
}
