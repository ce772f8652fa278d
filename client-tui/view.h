/* Paints the whole screen from the model, the input line and the state of the connection. The UI
 * thread's. */
#ifndef CLIENT_VIEW_H
#define CLIENT_VIEW_H

#include "chat.h"
#include "layout.h"

struct view {
    struct layout layout;
    char *hint; /* shown in the status line until the next key; NULL for none */
};

/* Computes the layout for the present size and input. */
void view_layout(struct view *view);

/* Paints everything; curses sends what has changed. */
void view_paint(struct view *view, const struct chat *chat);

void view_set_hint(struct view *view, const char *hint);

#endif
