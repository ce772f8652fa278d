/* Keeps the full-text index: a second file beside the log, derived from it, made anew when it is
 * missing or belongs to another log. A thread of its own follows the log, a moment behind it; see
 * index_search.h for the reading side. */
#ifndef SERVER_INDEXER_H
#define SERVER_INDEXER_H

#include <stdint.h>

struct indexer;

/* Opens or makes the index in the data folder and starts its thread. NULL with a report. */
struct indexer *indexer_start(const char *folder, const char *log_path);

/* The log now reaches to this id; any thread. */
void indexer_raise(struct indexer *indexer, uint64_t last_id);

/* Ends the thread; the rest is indexed at the next start. */
void indexer_stop(struct indexer *indexer);

#endif
