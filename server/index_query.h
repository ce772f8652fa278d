/* Turns a search into the language of the index: what its words must be in, which keys it needs.
 * Nothing of what a person typed has a meaning there but as words. Pure; any thread. */
#ifndef SERVER_INDEX_QUERY_H
#define SERVER_INDEX_QUERY_H

#include "protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the FTS5 expression for messages that are in one of the rooms and have all the words,
 * "phrases" and beginnings* of the search, and its nick. False when the search says nothing to look
 * for: no word, no nick, no time and no single room. */
bool index_query_write(struct buffer *query, const struct message_search *wish,
                       const uint32_t *rooms, size_t room_count);

#endif
