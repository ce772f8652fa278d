/* The message pane: the lines of a room, wrapped to its width. Only what is on screen is wrapped.
 * While the reader is at the bottom the newest lines show; further up the place is tied to a line,
 * so that neither new messages nor a resize move it. The UI thread's. */
#ifndef CLIENT_PANE_H
#define CLIENT_PANE_H

#include "layout.h"
#include "model.h"

void pane_paint(const struct area *area, const struct model *model, const struct room *room);

/* Moves the reader's place up (rows > 0) or down. True when the top was reached. */
bool pane_scroll(const struct area *area, struct room *room, long rows);

/* To the oldest line there is, or to the newest. */
void pane_to_top(const struct area *area, struct room *room);
void pane_to_bottom(struct room *room);

#endif
