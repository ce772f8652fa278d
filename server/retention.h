/* Retention: the log's beginning is removed, segment by segment, oldest first, as it grows too old
 * or too long. Ids go on as before, and what was read stays read. The log thread's alone, but for
 * retention_parse. */
#ifndef SERVER_RETENTION_H
#define SERVER_RETENTION_H

#include "state.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

/* What is kept; all of it when both are 0. */
struct retention {
    uint64_t milliseconds; /* messages of this age and younger */
    uint64_t messages;     /* this many of the newest, and the rest of their oldest segment */
};

/* Reads "90d" (also s, m, h, w, y) or a number of messages. False when it is neither. */
bool retention_parse(const char *text, struct retention *retention);

/* What came of one bounded step. */
enum retention_result {
    RETENTION_DONE,  /* nothing more is due */
    RETENTION_MORE,  /* something was removed, and more may be due */
    RETENTION_FAILED /* nothing was removed; the store says why */
};

/* Removes what is due at the time `now` (milliseconds since 1970), at most a few hundred segments,
 * in a transaction of its own. */
enum retention_result retention_step(const struct retention *retention, uint64_t now,
                                     struct state *state, struct store *store);

#endif
