/* What the index knows of a message besides its words: keys, one token each, that no word can be.
 * Pure; any thread. */
#ifndef SERVER_INDEX_KEYS_H
#define SERVER_INDEX_KEYS_H

#include "buffer.h"
#include "wire.h"

#include <stdint.h>

/* Appends the key of a room, "r7". */
void index_keys_add_room(struct buffer *keys, uint32_t room);

/* Appends the key of a nick, the same for all that are compared equal; nothing when it is none. */
void index_keys_add_nick(struct buffer *keys, struct wire_text nick);

/* Quarter of an hour of a time in milliseconds since 1970. */
int64_t index_keys_quarter(uint64_t time);

#endif
