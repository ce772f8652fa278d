/* The full-text index: a second file beside the log, derived from it, made anew when it is missing
 * or belongs to another log. A thread of its own keeps it up to date, a moment behind the log; each
 * reader searches through a read-only handle of its own. */
#ifndef SERVER_INDEX_H
#define SERVER_INDEX_H

#include "archive.h"

struct indexer;

/* Opens or makes the index in the data folder and starts its thread. NULL with a report. */
struct indexer *indexer_start(const char *folder, const char *log_path);

/* The log now reaches to this id; any thread. */
void indexer_raise(struct indexer *indexer, uint64_t last_id);

/* Ends the thread; the rest is indexed at the next start. */
void indexer_stop(struct indexer *indexer);

struct index_search;

/* A read-only handle on the index that indexer_start made; NULL when it cannot be opened. */
struct index_search *index_search_open(const char *folder);
void index_search_close(struct index_search *search);
/* Ends what the handle is doing, and all it is asked afterwards; any thread. */
void index_search_interrupt(struct index_search *search);

enum index_result { INDEX_FOUND, INDEX_NO_WORDS, INDEX_TOO_LONG, INDEX_FAILED };

/* Finds messages of the rooms that hold all the words, newest first, and appends their frames. */
enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, const uint32_t *rooms,
                                   size_t room_count, struct buffer *events, bool *more);

#endif
