/* The input line: Readline behind curses. Bytes go in, entered lines come out; Readline never
 * touches the terminal, the view paints what input_state says. The user's inputrc counts, with $if
 * chat-tui. Readline is global, so there is one input line. The UI thread's. */
#ifndef CLIENT_INPUT_H
#define CLIENT_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Begins; `entered` is called with each line the user enters, not terminated by a newline. */
void input_start(void (*entered)(void *context, const char *text, size_t size), void *context);
void input_end(void);

/* A byte from the keyboard that is not one of our keys. */
void input_byte(unsigned char byte);

/* Whether Esc by itself means something to Readline as it is: in vi mode, and to end a search or an
 * argument. Else it would wait for another key, and take it for a command. */
bool input_wants_escape(void);

/* Puts a byte into the line as it is, as part of a paste. */
void input_insert(unsigned char byte);

/* Puts a text into the line, to be changed there, as soon as the byte being handled is done with.
 */
void input_draft(const char *text);

/* Forgets what is being typed. */
void input_clear(void);
bool input_is_empty(void);

/* What there is to show. Views, valid until the next call. */
struct input_state {
    const char *prompt; /* of a search or an argument, or "" */
    const char *text;
    size_t size;
    size_t point; /* byte the cursor is on */
};
struct input_state input_state(void);

#endif
