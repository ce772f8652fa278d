/* What the full-text index was given, kept beside it: FTS5 takes out again only what it is told
 * word for word, and the log forgets the words of what is edited. Copies lie back to back in rows
 * of some kilobytes, a *shelf*, so that they cost little; a shelf is named by the last row on it. A
 * table of search.db; the index thread's alone. */
#ifndef SERVER_INDEX_COPIES_H
#define SERVER_INDEX_COPIES_H

#include "buffer.h"
#include "wire.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* A row of the index, as it was put there. */
struct index_copy {
    uint64_t row;
    struct wire_text keys;
    struct wire_text body;
};

/* Encodes a copy. */
void index_copy_put(struct buffer *bytes, const struct index_copy *copy);

/* Takes the next of those that lie back to back; false at their end. */
bool index_copy_next(struct wire_reader *reader, struct index_copy *copy);

struct index_copies;

/* NULL when the table cannot be made or read. */
struct index_copies *index_copies_open(sqlite3 *database);
void index_copies_close(struct index_copies *copies);

/* Adds one, of a row behind all others. */
bool index_copies_add(struct index_copies *copies, const struct index_copy *copy);

/* Writes what was added; before a commit. */
bool index_copies_flush(struct index_copies *copies);

/* Forgets what was added and not written. */
void index_copies_abandon(struct index_copies *copies);

/* Gives the shelf on which the copy of that row is, if there is one; 0: there is no such shelf.
 * False when it could not be read. */
bool index_copies_read(struct index_copies *copies, uint64_t row, uint64_t *shelf,
                       struct buffer *bytes);

/* Puts something else on the shelf; nothing takes it away. */
bool index_copies_write(struct index_copies *copies, uint64_t shelf, const struct buffer *bytes);

#endif
