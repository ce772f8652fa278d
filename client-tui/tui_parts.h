/* What the files of the full screen share: tui.c (the loop) and tui_keys.c (what the keys do). The
 * UI thread's. */
#ifndef CLIENT_TUI_PARTS_H
#define CLIENT_TUI_PARTS_H

#include "keys.h"
#include "view.h"

enum { TUI_KEY_MAX = 16 };

enum tui_seek { SEEK_NOTHING, SEEK_MENTION_ABOVE, SEEK_MENTION_BELOW };

struct tui {
    struct chat *chat;
    struct view view;
    struct queue_chain news; /* taken and not yet applied */
    char key[TUI_KEY_MAX];   /* bytes that may be the beginning of a key of ours */
    size_t key_size;
    uint64_t key_since;
    bool pasting;
    bool in_mouse_report;
    bool dirty;
    bool hurried;        /* something was typed: the next frame does not wait */
    uint64_t next_frame; /* when it would be due, were none painted early */
    bool terminal_gone;
    enum tui_seek seek;           /* goes on as pages come, until the next key */
    const struct line *seek_from; /* the lowest line shown when it began; NULL: the newest */
    size_t seek_hidden;           /* rows of it that were below the pane */
    bool was_in_past;             /* when the room was settled last */
    int telling; /* in how many milliseconds the server is to be told what was read, or -1 */
};

/* Does what a key of ours is for; `last` is its last byte. */
void tui_act(struct tui *tui, enum key_action action, char last);

/* Goes on looking for what is sought; tells the user when there is nothing. */
void tui_go_on_seeking(struct tui *tui);

#endif
