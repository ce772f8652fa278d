/* The keys that are ours; all others are the line editor's. One table, from which /help keys
 * follows. Bytes from the terminal are matched against it as they come, however a sequence is
 * split. The UI thread's. */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum key_action {
    KEY_ACTION_NONE,
    KEY_ACTION_PAGE_UP,
    KEY_ACTION_PAGE_DOWN,
    KEY_ACTION_LINE_UP,
    KEY_ACTION_LINE_DOWN,
    KEY_ACTION_WHEEL_UP,
    KEY_ACTION_WHEEL_DOWN,
    KEY_ACTION_SELECT_UP,
    KEY_ACTION_SELECT_DOWN,
    KEY_ACTION_FIRST_UNREAD,
    KEY_ACTION_MENTION_UP,
    KEY_ACTION_MENTION_DOWN,
    KEY_ACTION_TOP,
    KEY_ACTION_BOTTOM,
    KEY_ACTION_NEXT_ROOM,
    KEY_ACTION_PREVIOUS_ROOM,
    KEY_ACTION_UNREAD_ROOM,
    KEY_ACTION_ROOM_NUMBER, /* the digit is the last byte of the sequence */
    KEY_ACTION_NEWLINE,
    KEY_ACTION_REDRAW,
    KEY_ACTION_SUSPEND,
    KEY_ACTION_INTERRUPT,
    KEY_ACTION_END,
    KEY_ACTION_PASTE_BEGIN,
    KEY_ACTION_PASTE_END,
    KEY_ACTION_MOUSE /* the start of a mouse report, which the reader takes to its end */
};

struct key_binding {
    const char *sequence; /* bytes from the terminal */
    enum key_action action;
    const char *shown; /* the key's name */
    const char *help;  /* NULL: a second name of a key above */
};

extern const struct key_binding key_bindings[];
extern const size_t key_count;

enum key_match { KEY_NO_MATCH, KEY_PREFIX, KEY_MATCH };

/* Compares bytes with the table: a whole sequence, the beginning of one, or neither. */
enum key_match keys_match(const char *bytes, size_t size, const struct key_binding **found);

#endif
