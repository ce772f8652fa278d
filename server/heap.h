/* The heap that all threads share, and what of it goes back to the system. Main thread. */
#ifndef SERVER_HEAP_H
#define SERVER_HEAP_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HEAP_INTERVAL = 5000, /* milliseconds between two calls of heap_give_back */
    HEAP_LOOKS = 12       /* at each such call it looks for holes */
};

/* What one thread frees, the next block of another is made of: what passes from thread to thread
 * would otherwise leave holes in a heap of each. What is large comes from the system and goes back
 * to it, however often that was so: a page of history would raise the heap for good. Costs a few
 * percent of the time; `make soak` shows what for. Before threads are begun. */
void heap_share(void);

struct heap {
    int statm;         /* the kernel's file of the process's memory; -1: growth is not seen */
    size_t before;     /* bytes that the process had at the last call, */
    size_t least;      /* and at least since holes were given back */
    size_t given_back; /* bytes of holes that the system has had back */
    unsigned calls;
};

/* Opens that file, which a server that is confined may not. */
void heap_watch(struct heap *heap);

/* What a crowd leaves behind when it goes, or what its coming needed, lies in the heap as holes
 * between what is there to stay, and only what is free at the heap's end goes back by itself. Gives
 * the holes back too, those of whole pages: when the process has become a good deal larger and
 * grows no more; and, once a minute, when there are a good deal more of them. Whoever allocates
 * meanwhile waits for it, some milliseconds for each hundred MiB. */
void heap_give_back(struct heap *heap);

#endif
