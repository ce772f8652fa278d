/* The message pane: the lines of a room, wrapped to its width. Only what is on screen is wrapped.
 * While the reader is at the bottom the newest lines show; further up, and in a past passage, the
 * place is tied to a line, so that neither new messages nor a resize move it. The UI thread's. */
#ifndef CLIENT_PANE_H
#define CLIENT_PANE_H

#include "layout.h"
#include "model.h"

void pane_paint(const struct area *area, const struct model *model, const struct room *room);

/* Moves the reader's place up (rows > 0) or down. True when the top was reached. */
bool pane_scroll(const struct area *area, struct room *room, long rows);

/* To the oldest line of the run shown. */
void pane_to_top(const struct area *area, struct room *room);

/* Goes to the room's goal. */
void pane_reach_goal(const struct area *area, struct room *room);

/* Scrolls as little as shows the whole selected line, below which `below` rows are taken. */
void pane_reveal(const struct area *area, struct room *room, size_t below);

/* Rows of the posts that wait at the room's end. */
size_t pane_pending_rows(const struct area *area, const struct model *model,
                         const struct room *room);

/* Index in the run shown of the lowest line that is shown to its end; RUN_NONE when there is none.
 */
size_t pane_lowest(const struct room *room);

#endif
