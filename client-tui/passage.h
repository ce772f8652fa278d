/* What is loaded of a room's history besides its newest lines: older pages before the run shown,
 * and a past passage, which grows both ways until it meets the live run and becomes part of it.
 * One page of a room is under way at a time; an answer to an earlier wish is passed over. The UI
 * thread's. */
#ifndef CLIENT_PASSAGE_H
#define CLIENT_PASSAGE_H

#include "room.h"

/* Fill in what to ask the server for, and note it in the room. The first two are false when there
 * is nothing to ask for, or a page is under way. */
bool passage_older(struct room *room, struct message_history *wish);
bool passage_newer(struct room *room, struct message_history *wish);
void passage_around(struct room *room, uint64_t id, struct message_history *wish);
void passage_unread(struct room *room, struct message_history *wish);

/* Selects the event's line and aims for it, when it is loaded. */
bool passage_show(struct room *room, uint64_t id);

/* Whether the answer to the wish may have been read before an edit or a deletion that was applied
 * already: then it is to be asked for again, with the same wish. */
bool passage_is_overtaken(struct room *room, const struct message_history *wish);

/* The answer to the wish came: its lines, which it takes over, with `more` beyond them. What the
 * page was for; PAGE_NONE when it is not wanted any more. */
enum page_use passage_take(struct room *room, const struct message_history *wish, struct run *lines,
                           bool more);

/* There will be no answer to the wish. */
enum page_use passage_fail(struct room *room, const struct message_history *wish);

#endif
