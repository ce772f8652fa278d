#include "pace.h"

enum { MICROSECONDS = 1000, MICROSECONDS_A_MINUTE = 60000000 };

static uint64_t pace_each(unsigned a_minute) {
    return MICROSECONDS_A_MINUTE / a_minute;
}

uint64_t pace_next(const struct pace *pace, unsigned a_minute, uint64_t now) {
    const uint64_t at_once = (uint64_t)PACE_AT_ONCE_MILLISECONDS * MICROSECONDS;
    if (a_minute == 0)
        return 0;
    uint64_t paid = pace->paid < now * MICROSECONDS ? now * MICROSECONDS : pace->paid;
    uint64_t each = pace_each(a_minute);
    /* It fits when the debt with it is no more than what may come at once; of less than two a
     * minute, one at least does. */
    uint64_t debt = at_once > each ? at_once - each : 0;
    uint64_t from = paid > debt ? paid - debt : 0;
    return (from + MICROSECONDS - 1) / MICROSECONDS;
}

uint64_t pace_take(struct pace *pace, unsigned a_minute, uint64_t now) {
    if (a_minute == 0)
        return 0;
    if (pace->paid < now * MICROSECONDS)
        pace->paid = now * MICROSECONDS;
    pace->paid += pace_each(a_minute);
    return pace_next(pace, a_minute, now);
}

void pace_give_back(struct pace *pace, unsigned a_minute) {
    uint64_t each = a_minute != 0 ? pace_each(a_minute) : 0;
    pace->paid -= pace->paid > each ? each : pace->paid;
}
