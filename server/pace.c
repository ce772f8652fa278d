#include "pace.h"

enum { MICROSECONDS = 1000, MICROSECONDS_A_MINUTE = 60000000 };

uint64_t pace_take(struct pace *pace, unsigned a_minute, uint64_t now) {
    const uint64_t at_once = (uint64_t)PACE_AT_ONCE_MILLISECONDS * MICROSECONDS;
    if (a_minute == 0)
        return 0;
    if (pace->paid < now * MICROSECONDS)
        pace->paid = now * MICROSECONDS;
    uint64_t each = MICROSECONDS_A_MINUTE / a_minute;
    pace->paid += each;
    /* The next one fits when the debt with it is no more than what may come at once; of less than
     * two a minute, one at least does. */
    uint64_t debt = at_once > each ? at_once - each : 0;
    uint64_t from = pace->paid > debt ? pace->paid - debt : 0;
    return (from + MICROSECONDS - 1) / MICROSECONDS;
}
