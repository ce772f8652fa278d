/* Keeps the full-text index (index_file.h). A thread of its own follows the log, a moment behind
 * it: new messages go in, edited ones change, deleted and expired ones go out, and what is left of
 * their words in the file is written over. See index_search.h for the reading side. */
#ifndef SERVER_INDEXER_H
#define SERVER_INDEXER_H

#include <stdint.h>

struct indexer;

struct metrics;

/* Opens or makes the index in the data folder and starts its thread, which counts how far it has
 * come in the metrics (NULL: it does not). NULL with a report. */
struct indexer *indexer_start(const char *folder, const char *log_path, struct metrics *metrics);

/* The log has changed, `change` counting up; any thread. */
void indexer_raise(struct indexer *indexer, uint64_t change);

/* Ends the thread; the rest is indexed at the next start. */
void indexer_stop(struct indexer *indexer);

#endif
