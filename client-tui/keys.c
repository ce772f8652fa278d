#include "keys.h"

#include <string.h>

const struct key_binding key_bindings[] = {
    {"\033[5~", KEY_ACTION_PAGE_UP, "Page-Up", "scroll up a page"},
    {"\033[6~", KEY_ACTION_PAGE_DOWN, "Page-Down", "scroll down a page"},
    {"\033[1;2A", KEY_ACTION_LINE_UP, "Shift-Up", "scroll up a line"},
    {"\033[a", KEY_ACTION_LINE_UP, "Shift-Up", NULL},
    {"\033[1;2B", KEY_ACTION_LINE_DOWN, "Shift-Down", "scroll down a line"},
    {"\033[b", KEY_ACTION_LINE_DOWN, "Shift-Down", NULL},
    {"\033[1;3A", KEY_ACTION_SELECT_UP, "Alt-Up", "select the message above"},
    {"\033\033[A", KEY_ACTION_SELECT_UP, "Alt-Up", NULL},
    {"\033[1;3B", KEY_ACTION_SELECT_DOWN, "Alt-Down", "select the message below"},
    {"\033\033[B", KEY_ACTION_SELECT_DOWN, "Alt-Down", NULL},
    {"\033u", KEY_ACTION_FIRST_UNREAD, "Alt-U", "to the first unread message"},
    {"\033m", KEY_ACTION_MENTION_UP, "Alt-M", "to the mention of you above"},
    {"\033M", KEY_ACTION_MENTION_DOWN, "Alt-Shift-M", "to the mention of you below"},
    {"\033[1;5H", KEY_ACTION_TOP, "Ctrl-Home", "scroll to the top"},
    {"\033[7^", KEY_ACTION_TOP, "Ctrl-Home", NULL},
    {"\033[1;5F", KEY_ACTION_BOTTOM, "Ctrl-End", "scroll to the bottom"},
    {"\033[8^", KEY_ACTION_BOTTOM, "Ctrl-End", NULL},
    {"\033[1;3C", KEY_ACTION_NEXT_ROOM, "Alt-Right", "next room"},
    {"\033[1;3D", KEY_ACTION_PREVIOUS_ROOM, "Alt-Left", "previous room"},
    {"\033a", KEY_ACTION_UNREAD_ROOM, "Alt-A", "next room with something unread"},
    {"\0331", KEY_ACTION_ROOM_NUMBER, "Alt-1 to Alt-9", "room by its place in the list"},
    {"\0332", KEY_ACTION_ROOM_NUMBER, "Alt-2", NULL},
    {"\0333", KEY_ACTION_ROOM_NUMBER, "Alt-3", NULL},
    {"\0334", KEY_ACTION_ROOM_NUMBER, "Alt-4", NULL},
    {"\0335", KEY_ACTION_ROOM_NUMBER, "Alt-5", NULL},
    {"\0336", KEY_ACTION_ROOM_NUMBER, "Alt-6", NULL},
    {"\0337", KEY_ACTION_ROOM_NUMBER, "Alt-7", NULL},
    {"\0338", KEY_ACTION_ROOM_NUMBER, "Alt-8", NULL},
    {"\0339", KEY_ACTION_ROOM_NUMBER, "Alt-9", NULL},
    {"\033\r", KEY_ACTION_NEWLINE, "Alt-Enter", "new line in the message"},
    {"\033\n", KEY_ACTION_NEWLINE, "Alt-Enter", NULL},
    {"\014", KEY_ACTION_REDRAW, "Ctrl-L", "draw the screen anew"},
    {"\032", KEY_ACTION_SUSPEND, "Ctrl-Z", "suspend"},
    {"\003", KEY_ACTION_INTERRUPT, "Ctrl-C", "clear the input, end a selection (as Esc does)"},
    {"\004", KEY_ACTION_END, "Ctrl-D", "end the program, when the input is empty"},
    {"\033[200~", KEY_ACTION_PASTE_BEGIN, "paste", NULL},
    {"\033[201~", KEY_ACTION_PASTE_END, "paste", NULL},
    {"\033[<64;", KEY_ACTION_WHEEL_UP, "wheel", "scroll"},
    {"\033[<65;", KEY_ACTION_WHEEL_DOWN, "wheel", NULL},
    {"\033[<", KEY_ACTION_MOUSE, "mouse", NULL},
};
const size_t key_count = sizeof key_bindings / sizeof *key_bindings;

enum key_match keys_match(const char *bytes, size_t size, const struct key_binding **found) {
    enum key_match match = KEY_NO_MATCH;
    size_t longest = 0;
    for (size_t i = 0; i < key_count; i++) {
        size_t length = strlen(key_bindings[i].sequence);
        size_t common = size < length ? size : length;
        if (strncmp(bytes, key_bindings[i].sequence, common) != 0)
            continue;
        if (size < length)
            return KEY_PREFIX;
        if (length > longest) {
            longest = length;
            *found = &key_bindings[i];
            match = KEY_MATCH;
        }
    }
    return match;
}
