/* The file of the full-text index, search.db, as its one writer sees it: a row a message with its
 * present words, and for each quarter of an hour which ids its messages have. Derived from the log;
 * losing it costs only time. Changes lie between index_file_begin and index_file_commit. The index
 * thread's alone. */
#ifndef SERVER_INDEX_FILE_H
#define SERVER_INDEX_FILE_H

#include "archive.h"

#include <stdbool.h>
#include <stdint.h>

struct index_file;

/* How far the index has come, stored with it. */
struct index_mark {
    uint64_t identity; /* of the log it was made from */
    uint64_t epoch;
    uint64_t last_id; /* events up to here are in it */
    uint64_t cut;     /* and up to here out of it again, see retention.h */
    bool purge;       /* words that were taken out are still in the file */
};

/* Opens the index at `path` if it is of that log and not ahead of it; else makes it anew, with an
 * empty mark. NULL when neither works. */
struct index_file *index_file_open(const char *path, const struct archive_origin *log,
                                   struct index_mark *mark);
void index_file_close(struct index_file *file);

/* What went wrong last, for people. An index that turns out to be damaged is unlinked, so that the
 * next start makes it anew. */
const char *index_file_error(const struct index_file *file);

bool index_file_begin(struct index_file *file);
bool index_file_commit(struct index_file *file, const struct index_mark *mark);
/* Rolls back what was not committed, if anything. */
void index_file_abandon(struct index_file *file);

/* Puts a message in that is not there yet. */
bool index_file_add(struct index_file *file, const struct message_message *message);

/* Brings a message up to what it says now; without a body it is taken out. `changed` when it had
 * other words before. */
bool index_file_change(struct index_file *file, const struct message_message *message,
                       bool *changed);

/* Takes out messages up to the id, some of them; `more` says whether any are left. */
bool index_file_cut(struct index_file *file, uint64_t id, bool *more);

/* Moves on in writing the index anew without what was taken out of it; outside begin and commit.
 * `done` when nothing of it is left in the file. */
bool index_file_purge(struct index_file *file, bool *done);

#endif
