/* Turns a search into the language of the index: what its words must be in, which keys it needs.
 * Nothing of what a person typed has a meaning there but as words. Pure; any thread. */
#ifndef SERVER_INDEX_QUERY_H
#define SERVER_INDEX_QUERY_H

#include "protocol.h"

#include <stdint.h>

/* Appends the FTS5 expression for messages that have all the words, "phrases" and beginnings* of
 * the search, and its nick; in the room, unless that is 0; and for all fences (index_keys.h). Empty
 * when every message has. */
void index_query_write(struct buffer *query, const struct message_search *wish, uint32_t room);

/* How many words, phrases and beginnings there are. */
unsigned index_query_count_terms(struct wire_text words);

/* Takes the words up to the next beginning* off them; false when there is none. */
bool index_query_next_beginning(struct wire_text *words, struct wire_text *beginning);

#endif
