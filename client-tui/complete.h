/* Tab completion of commands, rooms and nicks, from the table of commands and the model, through
 * Readline. The UI thread's. */
#ifndef CLIENT_COMPLETE_H
#define CLIENT_COMPLETE_H

#include "chat.h"

/* Readline's Tab completes from this chat from now on. When there are several matches `show` gets
 * them, joined by blanks. */
void complete_start(const struct chat *chat, void (*show)(void *context, const char *matches),
                    void *context);

/* The matches of a word that begins at `start` in a line; a new list of new strings,
 * NULL-terminated, the first the longest common beginning, as Readline wants it. NULL when there
 * are none. */
char **complete_matches(const struct chat *chat, const char *line, const char *word, int start);

#endif
