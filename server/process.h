/* What the server asks of the system for the whole process, before its threads are begun. Main
 * thread. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <signal.h>
#include <stdbool.h>

void process_raise_descriptor_limit(void);

/* Blocks the signals that end the server in every thread begun from here on; gives back which. */
void process_block_signals(sigset_t *signals);

/* Keys must not lie about in a core file, or be read out of a running process by its user's other
 * programs. */
void process_keep_secrets(void);

/* The descriptor of the terminal that the server was started on, -1 for none. */
int process_find_terminal(void);

/* Then SIGHUP says that nobody is there any more, and not that something is to be read again. */
bool process_terminal_is_gone(int terminal);

#endif
