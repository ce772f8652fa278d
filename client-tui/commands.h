/* The commands: one table, from which /help, completion and the manual page follow. The UI thread's
 * alone. */
#ifndef CLIENT_COMMANDS_H
#define CLIENT_COMMANDS_H

#include "chat.h"
#include "rights.h"

struct command {
    const char *name; /* without its slash */
    const char *arguments;
    const char *help;
    const char *more; /* what /help NAME says besides; NULL for nothing */
    bool needs_argument;
    bool stays;       /* the pane stays where it is read, as nothing comes at the room's end */
    enum right right; /* that it uses, and that /help NAME tells; 0 for none */
    void (*run)(struct chat *chat, char *argument); /* NULL: the right is asked for, of the room on
                                                       screen or the person that is named */
};

extern const struct command commands[];
extern const size_t command_count;

/* What the user entered: a /command, a text (a second slash makes one of it), or nothing. True when
 * it is to be followed at the end of the room. */
bool commands_enter(struct chat *chat, const char *entered, size_t size);

#endif
