/* A number that only grows, which one thread raises and another waits for: "the log now reaches to
 * 4711". For background threads that catch up with the latest value and may skip those between. */
#ifndef SERVER_NUDGE_H
#define SERVER_NUDGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct nudge {
    pthread_mutex_t lock; /* over the fields below, never held over I/O */
    pthread_cond_t changed;
    uint64_t value;
    bool stopped;
};

void nudge_init(struct nudge *nudge);
void nudge_free(struct nudge *nudge);

/* Raises the value; any thread. */
void nudge_raise(struct nudge *nudge, uint64_t value);

/* No more waiting from now on; any thread. */
void nudge_stop(struct nudge *nudge);

/* Waits until the value is above `seen` and puts it there, but no longer than the milliseconds (-1:
 * for ever). False once stopped. */
bool nudge_wait(struct nudge *nudge, uint64_t *seen, int milliseconds);

#endif
