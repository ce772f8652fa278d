/* What an edit or a deletion does to what is stored: the message gets its present text, and the
 * edit before this one loses its own, so that the old words are nowhere. The log thread's alone. */
#ifndef SERVER_AMEND_H
#define SERVER_AMEND_H

#include "protocol.h"
#include "store.h"

/* Reads one event that is stored; its texts are valid until the store is used again. False when
 * there is none with that id. */
bool amend_find(struct store *store, uint64_t id, struct message *event);

/* Carries out an `edited` or `deleted` event, which has its id and is stored already. False when
 * out of memory. */
bool amend_apply(struct store *store, const struct message *amendment);

/* Takes the text from the last edits of messages up to the id, which are about to be removed. */
bool amend_forget(struct store *store, uint64_t up_to);

/* Whether the message was deleted. */
bool amend_is_deleted(const struct message_message *message);

#endif
