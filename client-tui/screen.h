/* Takes the terminal and gives it back, on every way out: end, signal, crash, suspension. The UI
 * thread's; what it does in a crash is safe in a signal handler. */
#ifndef CLIENT_SCREEN_H
#define CLIENT_SCREEN_H

#include <stdbool.h>

/* Starts curses in raw mode, with bracketed paste and the mouse. False after saying why not. */
bool screen_open(void);

/* Gives the terminal back; may be called twice. */
void screen_close(void);

/* Stops the process as Ctrl-Z does, and takes the terminal again when it goes on. */
void screen_suspend(void);

/* Gives the terminal back for a moment, until screen_resume. */
void screen_leave(void);

/* Takes the terminal again after something else may have changed it. */
void screen_resume(void);

/* Asks the terminal for its size and tells curses. */
void screen_resize(void);

/* Becomes readable when a signal came; screen_next_signal returns it, 0 when there is none. */
int screen_signal_descriptor(void);
int screen_next_signal(void);

#endif
