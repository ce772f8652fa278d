/* --pipe: no screen. Lines of stdin are posts or commands, messages are lines on stdout. The UI
 * thread. */
#ifndef CLIENT_PIPE_H
#define CLIENT_PIPE_H

#include "chat.h"

struct pipe_options {
    bool follow; /* go on reading the room after the end of stdin */
};

/* Runs until all is said and stored; returns the exit status. */
int pipe_run(struct chat *chat, const struct pipe_options *options);

#endif
