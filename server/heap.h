/* The heap that all threads share, and what of it goes back to the system. Main thread. */
#ifndef SERVER_HEAP_H
#define SERVER_HEAP_H

#include <stddef.h>

enum { HEAP_INTERVAL = 5000 }; /* milliseconds between two calls of heap_give_back */

/* What one thread frees, the next block of another is made of: what passes from thread to thread
 * would otherwise leave holes in a heap of each. What is large comes from the system and goes back
 * to it, however often that was so: a page of history would raise the heap for good. Costs a few
 * percent of the time; `make soak` shows what for. Before threads are begun. */
void heap_share(void);

struct heap {
    size_t free_bytes; /* of blocks that nobody has, at the last call */
    size_t given_back; /* of those, how many the system has had back, at most */
};

/* What a crowd leaves behind when it goes, or what its coming needed, lies in the heap as holes
 * between what is there to stay, and only what is free at the heap's end goes back by itself. Gives
 * the holes back too, those of whole pages, when they are a good deal more than at the last time
 * and grow no more; whoever allocates meanwhile waits for it, some milliseconds for each hundred
 * MiB. */
void heap_give_back(struct heap *heap);

#endif
