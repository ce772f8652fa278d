/* The full screen. The UI thread, which alone may touch the terminal. */
#ifndef CLIENT_TUI_H
#define CLIENT_TUI_H

#include "chat.h"

/* Takes the terminal and paints the first screen, before any network. False after saying why not.
 */
bool tui_start(struct chat *chat);

/* Runs until the user ends it; gives the terminal back and returns the exit status. */
int tui_run(struct chat *chat);

/* Gives the terminal back. */
void tui_end(void);

#endif
