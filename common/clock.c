#include "clock.h"

#include <time.h>

enum { CLOCK_PAUSE_NANOSECONDS = 2000000 };

static uint64_t clock_read(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic(void) {
    return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_wall(void) {
    return clock_read(CLOCK_REALTIME);
}

struct timespec clock_deadline(int milliseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return until;
}

void clock_pause(void) {
    const struct timespec pause = {.tv_nsec = CLOCK_PAUSE_NANOSECONDS};
    nanosleep(&pause, NULL);
}
