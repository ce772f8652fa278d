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
    int statm;     /* the kernel's file of the process's memory; -1: nothing is given back */
    size_t before; /* bytes that the process had at the last call */
    size_t least;  /* bytes that it cannot be brought below, as far as is known */
};

/* Opens that file, which a server that is confined may not. */
void heap_watch(struct heap *heap);

/* After a crowd has come or gone, what was made for it lies in the heap as holes between what is
 * there to stay, and only what is free at the heap's end goes back by itself. Gives back the holes
 * too, when the process has become a good deal larger and grows no more; whoever allocates
 * meanwhile waits for it, some milliseconds for each hundred MiB. */
void heap_give_back(struct heap *heap);

#endif
