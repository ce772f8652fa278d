/* Reads a whole log and says whether it is sound: every page, every event, and what refers to what.
 * Takes as long as reading the file does. */
#ifndef SERVER_INSPECT_H
#define SERVER_INSPECT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INSPECT_PROBLEM_MAX = 256 };

struct inspection {
    uint64_t segments;
    uint64_t events;
    uint64_t messages;
    char problem[INSPECT_PROBLEM_MAX]; /* the first one found */
};

/* Reads the open log. False with the problem. */
bool inspect_database(sqlite3 *database, struct inspection *inspection);

/* The same for segments alone, from the one after `after` on and at most `limit` of them, so that
 * a large log is read in many short transactions; `after` moves on. False with the problem. */
bool inspect_segments(sqlite3 *database, uint64_t *after, uint64_t limit,
                      struct inspection *inspection);

/* Whether what SQLite said last speaks against the file, not against the memory or the disk of the
 * moment. */
bool inspect_blames_file(sqlite3 *database);

#endif
