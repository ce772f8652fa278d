#include "nudge.h"
#include "clock.h"

#include <errno.h>

void nudge_init(struct nudge *nudge) {
    pthread_mutex_init(&nudge->lock, NULL);
    pthread_cond_init(&nudge->changed, NULL);
    nudge->value = 0;
    nudge->stopped = false;
}

void nudge_free(struct nudge *nudge) {
    pthread_cond_destroy(&nudge->changed);
    pthread_mutex_destroy(&nudge->lock);
}

void nudge_raise(struct nudge *nudge, uint64_t value) {
    pthread_mutex_lock(&nudge->lock);
    if (value > nudge->value) {
        nudge->value = value;
        pthread_cond_signal(&nudge->changed);
    }
    pthread_mutex_unlock(&nudge->lock);
}

void nudge_stop(struct nudge *nudge) {
    pthread_mutex_lock(&nudge->lock);
    nudge->stopped = true;
    pthread_cond_signal(&nudge->changed);
    pthread_mutex_unlock(&nudge->lock);
}

bool nudge_wait(struct nudge *nudge, uint64_t *seen, int milliseconds) {
    const struct timespec until = clock_deadline(milliseconds);
    int result = 0;
    pthread_mutex_lock(&nudge->lock);
    while (nudge->value <= *seen && !nudge->stopped && result != ETIMEDOUT)
        result = milliseconds < 0 ? pthread_cond_wait(&nudge->changed, &nudge->lock)
                                  : pthread_cond_clockwait(&nudge->changed, &nudge->lock,
                                                           CLOCK_MONOTONIC, &until);
    *seen = nudge->value;
    bool go_on = !nudge->stopped;
    pthread_mutex_unlock(&nudge->lock);
    return go_on;
}
