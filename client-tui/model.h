/* What the user sees, without a screen: rooms, their lines, unread counts, posts that wait. Fed
 * with news, read by the view. Knows no curses and no sockets. The UI thread's alone. Text in lines
 * is as it came from the network; it passes text_clean before it is shown. */
#ifndef CLIENT_MODEL_H
#define CLIENT_MODEL_H

#include "news.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MODEL_LINES_MAX = 20000
}; /* a room's; beyond it the oldest are dropped, to be fetched again */

enum line_kind {
    LINE_MESSAGE, /* nick said text */
    LINE_EVENT,   /* text tells what happened */
    LINE_NOTICE,  /* from the client itself */
    LINE_HIT      /* a search result: nick said text, in another place */
};

/* One entry of a room; one allocation, owned by the room. */
struct line {
    uint64_t id; /* 0 for the client's own */
    uint64_t time;
    uint32_t text_size;
    uint16_t nick_size;
    uint8_t kind;
    bool own : 1;
    bool mention : 1;
    char bytes[]; /* nick, then text */
};

struct room {
    uint32_t number; /* 0: the start room, not yet joined */
    enum room_kind kind;
    char *name;
    char *topic;
    struct line **lines;
    size_t count;
    size_t capacity;
    bool more;        /* the server has older ones */
    bool asked_older; /* and was asked for them */
    unsigned unread;
    unsigned mentions;
    struct line *anchor;  /* while reading above: the lowest line shown; NULL: follows the newest */
    size_t anchor_hidden; /* rows of it that are below the pane */
    unsigned new_below;   /* messages that came since then */
    char **nicks;         /* seen or told of, most recent last; for completion */
    size_t nick_count;
    bool asked_who;
};

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
    unsigned bells;          /* mentions since the view last rang */
};

/* A model with the start room, not yet joined. NULL when out of memory. */
struct model *model_new(const char *start_room, const char *nick);
void model_free(struct model *model);

/* The room on screen; there always is one. */
struct room *model_current(const struct model *model);
struct room *model_room(const struct model *model, uint32_t number);
/* By its name, with or without case; NULL when there is none. */
struct room *model_room_named(const struct model *model, const char *name);
void model_show(struct model *model, const struct room *room);

/* The server's announcement of a room; returns it. */
struct room *model_announce(struct model *model, const struct message_room *message);
void model_forget_room(struct model *model, uint32_t number);

/* NEWS_EVENTS and NEWS_OLDER. */
void model_append(struct model *model, const struct news *news);
void model_prepend(struct model *model, const struct news *news);

/* A line of the client's own at the room's end; `text` may have several lines. */
void model_notice(struct model *model, struct room *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A search result at the room's end. */
void model_hit(struct model *model, struct room *room, const struct message *event);

/* The outbox as the network thread tells of it. */
void model_reset_outbox(struct model *model, uint64_t outbox, uint64_t next_number);
void model_add_pending(struct model *model, uint64_t number, uint32_t room, struct wire_text text);
/* A post just handed to net_post; it gets the next number. */
void model_post(struct model *model, uint32_t room, struct wire_text text);
void model_stored(struct model *model, uint64_t up_to);
/* Takes the refused post out, moving the others down; the caller frees it. NULL when it is not
 * known. */
struct pending *model_refused(struct model *model, uint64_t number);

void model_set_nick(struct model *model, const char *nick);
void model_add_nick(struct room *room, struct wire_text nick);

struct wire_text line_nick(const struct line *line);
struct wire_text line_text(const struct line *line);

/* Whether the text names the nick as a word. */
bool model_mentions(struct wire_text text, const char *nick);

#endif
