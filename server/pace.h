/* A token bucket: so many a minute, half of them at once if need be. What it lacks it owes, so one
 * may be taken at any time, and the next waits until that is paid. Pure. */
#ifndef SERVER_PACE_H
#define SERVER_PACE_H

#include <stdint.h>

enum { PACE_AT_ONCE_MILLISECONDS = 30000 }; /* what so much time brings may come at once */

struct pace {
    uint64_t paid; /* microseconds of the clock up to which all is paid; zero-initialised: full */
};

/* Takes one at `now`, in milliseconds. Returns the moment from which the next may be taken: `now`
 * or before when that is at once. `a_minute` 0: there is no limit. */
uint64_t pace_take(struct pace *pace, unsigned a_minute, uint64_t now);

/* The moment from which one may be taken. */
uint64_t pace_next(const struct pace *pace, unsigned a_minute, uint64_t now);

/* Gives one back that was not used. */
void pace_give_back(struct pace *pace, unsigned a_minute);

/* Whether it is as good as a new one. */
static inline int pace_is_full(const struct pace *pace, uint64_t now) {
    return pace->paid <= now * 1000;
}

#endif
