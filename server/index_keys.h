/* What the index knows of a message besides its words: keys, one token each, that no word can be;
 * and where its fences stand. Pure; any thread. */
#ifndef SERVER_INDEX_KEYS_H
#define SERVER_INDEX_KEYS_H

#include "buffer.h"
#include "wire.h"

#include <stdint.h>

/* Now and then there is a row in the index that is no message but a fence: every search meets it,
 * so that one that finds nothing comes up for breath. It stands behind the message of its id. */
enum { INDEX_FENCE_IDS = 65536 };

/* Appends the key of a fence. */
void index_keys_add_fence(struct buffer *keys);

/* Appends the key of a room, "r7". */
void index_keys_add_room(struct buffer *keys, uint32_t room);

/* Appends the key of a nick, the same for all that are compared equal; nothing when it is none. */
void index_keys_add_nick(struct buffer *keys, struct wire_text nick);

/* Quarter of an hour of a time in milliseconds since 1970. */
int64_t index_keys_quarter(uint64_t time);

#endif
