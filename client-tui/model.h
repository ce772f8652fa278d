/* What the user sees, without a screen: rooms with their lines (room.h), unread counts, posts that
 * wait. Fed with news, read by the view. Knows no curses and no sockets. The UI thread's alone. */
#ifndef CLIENT_MODEL_H
#define CLIENT_MODEL_H

#include "news.h"
#include "room.h"

/* A post of ours that the server has not stored yet. */
struct pending {
    uint64_t number;
    uint32_t room;
    size_t size;
    struct pending *next;
    char text[];
};

struct model {
    struct room **rooms;
    size_t room_count;
    size_t current;
    char *nick;
    uint32_t account; /* 0 until welcomed */
    uint64_t outbox;
    uint64_t next_number;
    struct pending *pending; /* oldest first */
    unsigned bells;          /* mentions and warnings since the view last rang */
};

/* A model with the start room, not yet joined. NULL when out of memory. */
struct model *model_new(const char *start_room, const char *nick);
void model_free(struct model *model);

/* The room on screen; there always is one. */
struct room *model_current(const struct model *model);
struct room *model_room(const struct model *model, uint32_t number);
/* By its name, with or without case; NULL when there is none. */
struct room *model_room_named(const struct model *model, const char *name);
/* Shows another room; what was selected and marked as new in the one before is no more. */
void model_show(struct model *model, const struct room *room);

/* The server's announcement of a room; returns it. */
struct room *model_announce(struct model *model, const struct message_room *message);
void model_forget_room(struct model *model, uint32_t number);

/* The log is another one: lines and read positions mean nothing now, and of the rooms only the one
 * on screen stays until the server tells which there are. */
void model_forget_log(struct model *model);

/* NEWS_EVENTS; and the lines of a page's frames, noting in `lines` which events they cover. */
void model_append(struct model *model, const struct news *news);
void model_read_page(const struct model *model, struct wire_blob frames, struct run *lines);

/* A line of the client's own at the room's end; `text` may have several lines. */
void model_notice(struct room *room, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The notice that came last is one that nobody is to overlook. */
void model_warn(struct model *model);
/* A search result at the room's end, with its number in the list. */
void model_hit(struct model *model, struct room *room, const struct message *event, size_t number);

/* The line of a message in any room, also as a search result; its room goes into *number. NULL
 * when it is not loaded. */
const struct line *model_find(const struct model *model, uint64_t id, uint32_t *number);

/* One's own newest message of the room that is loaded and was not deleted, or NULL. */
const struct line *model_own_newest(const struct room *room);

/* NEWS_OUTBOX. */
void model_reset_outbox(struct model *model, const struct news *news);
void model_add_pending(struct model *model, uint64_t number, uint32_t room, struct wire_text text);
/* Whether a post that waits is to be shown in the room: it is for it, or for one whose name is not
 * known before the server has been there, and the start room is all there is. */
bool model_pending_is_in(const struct model *model, const struct pending *pending,
                         const struct room *room);
/* Whether any waits in the room. */
bool model_has_pending(const struct model *model, const struct room *room);
/* A post just handed to net_post; it gets the next number. */
void model_post(struct model *model, uint32_t room, struct wire_text text);
void model_stored(struct model *model, uint64_t up_to);
/* Takes the refused post out, moving the others down; the caller frees it. NULL when it is not
 * known. */
struct pending *model_refused(struct model *model, uint64_t number);

void model_set_nick(struct model *model, const char *nick);

#endif
