/* A thread that reads every message of a large log once after the start, a little at a time, while
 * it is served already. When something is damaged it says so and ends the server: better none than
 * one with holes in its memory. */
#ifndef SERVER_SCRUBBER_H
#define SERVER_SCRUBBER_H

#include <stdbool.h>

struct scrubber;

/* Starts the thread with a handle of its own. NULL when it cannot. */
struct scrubber *scrubber_start(const char *folder, const char *log_path);

/* Ends and joins the thread. False when it has found damage. */
bool scrubber_stop(struct scrubber *scrubber);

#endif
