/* Searches the index that the indexer keeps. Each reader has a handle of its own. */
#ifndef SERVER_INDEX_SEARCH_H
#define SERVER_INDEX_SEARCH_H

#include "archive.h"

struct index_search;

/* A read-only handle on the index that indexer_start made; a search takes about so many
 * milliseconds at most. NULL when it cannot be opened. */
struct index_search *index_search_open(const char *folder, unsigned milliseconds);
void index_search_close(struct index_search *search);
/* Ends what the handle is doing, and all it is asked afterwards; any thread. */
void index_search_interrupt(struct index_search *search);

enum index_result { INDEX_FOUND, INDEX_NO_WORDS, INDEX_TOO_WIDE, INDEX_FAILED };

/* Finds messages of the rooms (which it sorts) that have all that is wished for, newest first, and
 * appends their frames. Looks through a bounded stretch of the log: ids from `looked_to` on, all
 * when that is 0. */
enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, uint32_t *rooms,
                                   size_t room_count, struct buffer *events, uint64_t *looked_to);

#endif
