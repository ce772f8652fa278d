/* The two clocks. Any thread. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds that only ever grow, for deadlines. */
uint64_t clock_monotonic(void);

/* The same in microseconds, for measuring. */
uint64_t clock_microseconds(void);

/* Milliseconds since 1970, for people; may jump. */
uint64_t clock_wall(void);

/* The moment so many milliseconds from now, for pthread_cond_clockwait with CLOCK_MONOTONIC. */
struct timespec clock_deadline(int milliseconds);
/* Waits for a moment, when what is needed will come from another thread that cannot say so: memory.
 */
void clock_pause(void);

#endif
