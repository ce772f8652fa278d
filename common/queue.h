/* A bounded queue between threads: the only way anything crosses one.
 *
 * Items are linked through their first member and owned by the queue from push to take. The bound
 * is on the sum of the items' costs, so that it can mean bytes. One thread (or a group of equals)
 * takes; any thread pushes, whole chains at a time. The consumer either waits in queue_wait, or in
 * its own poll loop on queue_descriptor; the queue signals only a consumer that sleeps. The end is
 * an item too: a consumer stops at one that says so, never at a flag, so whatever was pushed before
 * it is done. */
#ifndef COMMON_QUEUE_H
#define COMMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue_item {
    struct queue_item *next;
    size_t cost;
};

/* Items in order, not yet pushed. Zero-initialised it is empty. */
struct queue_chain {
    struct queue_item *first;
    struct queue_item *last;
    size_t cost;
};

struct queue;

/* A queue that holds items until their cost exceeds `capacity`. NULL when memory or descriptors are
 * short. */
struct queue *queue_new(size_t capacity);

/* Frees the queue; items still in it are given to `discard`. */
void queue_free(struct queue *queue, void (*discard)(struct queue_item *item));

void queue_chain_add(struct queue_chain *chain, struct queue_item *item);
struct queue_item *queue_chain_take(struct queue_chain *chain);

/* Puts the chain in and empties it; waits while the queue is full. Never from the consumer itself,
 * nor from a thread that the consumer waits for. */
void queue_push(struct queue *queue, struct queue_chain *chain);

/* The same without waiting: false when the queue is full, the chain is then as before, and `wake`
 * (an eventfd, or -1) is written to once there is room. */
bool queue_try_push(struct queue *queue, struct queue_chain *chain, int wake);

/* Takes all there is; never waits. Afterwards queue_descriptor becomes readable at the next push.
 */
struct queue_chain queue_take_all(struct queue *queue);

/* Waits until there is something, then takes all of it; or takes nothing once the milliseconds are
 * over (-1: never). */
struct queue_chain queue_wait_all(struct queue *queue, int milliseconds);

/* Waits until there is something, then takes one item. */
struct queue_item *queue_wait_one(struct queue *queue);

/* What the items in it cost at the moment. Any thread. */
size_t queue_cost(const struct queue *queue);

/* Becomes readable when something was pushed since the last queue_take_all. For poll and epoll. */
int queue_descriptor(const struct queue *queue);

#endif
