/* The controller: turns news into the model and the user's wishes into orders for the network
 * thread. Both the full screen and --pipe stand on it; the commands are its verbs. The UI thread's
 * alone. */
#ifndef CLIENT_CHAT_H
#define CLIENT_CHAT_H

#include "model.h"
#include "net.h"
#include "query.h"
#include "rights.h"

/* How the pipe listens in; the full screen reads the model instead and leaves both NULL. */
struct chat_sink {
    void *context;
    /* `elsewhere`: it belongs to the first page of a room other than the one begun in. */
    void (*message)(void *context, const struct room *room, const struct message_message *message,
                    bool elsewhere);
    void (*notice)(void *context, const char *text);
};

struct chat_request;

/* A place in a room's history. */
struct chat_place {
    uint32_t room;
    uint64_t id;
};

struct chat {
    struct model *model;
    struct net *net;
    struct chat_sink sink;
    enum link_state link;
    char *link_why;
    uint64_t retry_at; /* monotonic, while LINK_WAITING */
    bool quit;
    unsigned failures;   /* posts refused, requests failed, greetings refused */
    uint64_t own_seen;   /* highest of our posts that came back as an event, or was there before */
    bool own_seen_known; /* a welcome has said what of this outbox was there before */
    bool welcomed;       /* a server has known us, if only to begin the outbox anew */
    bool joined;         /* the start room has its number */
    uint32_t start;      /* that number, once the first page has come; else 0 */
    uint64_t server;     /* the log of the last welcome */
    uint64_t epoch;
    uint32_t next_tag;
    struct chat_request *requests;
    char *draft;    /* what the input line is to hold next, or NULL; whoever takes it frees it */
    char *key_file; /* to or from which the key is to be carried, or NULL; the same */
    bool key_comes; /* from there */

    char *search_line; /* the last search as it was typed, for its older hits; or NULL */
    struct query search;
    uint32_t search_room;
    uint64_t search_before;
    struct chat_place *hits; /* of the last search, the newest first */
    size_t hit_count;
    uint64_t search_until;    /* monotonic: then it goes no further by itself */
    bool search_stopped;      /* nor when the person has turned to something else */
    bool search_told;         /* that it is still looking */
    bool search_further;      /* older hits of it are asked for */
    struct buffer found;      /* event frames of its hits so far */
    uint32_t search_tag;      /* of the newest search while it is under way; else 0 */
    struct buffer amendments; /* events that came since that one was asked for: edits, deletions */
    bool amendments_lost;     /* some were too many */
};

/* Begins with the start room. False when out of memory. */
bool chat_init(struct chat *chat, const char *start_room, const char *nick);
void chat_free(struct chat *chat);

/* Applies one item of news; frees nothing. */
void chat_apply(struct chat *chat, const struct news *news);

/* How many of our posts have not come back. */
uint64_t chat_waiting(const struct chat *chat);

/* True when every post has come back and every request is answered. */
bool chat_is_settled(const struct chat *chat);

/* A line for the user only. */
void chat_notice(struct chat *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The verbs. Texts are the user's, as typed. */
void chat_post(struct chat *chat, struct wire_text body);
void chat_join(struct chat *chat, const char *name);
void chat_leave(struct chat *chat);
void chat_direct(struct chat *chat, const char *nick, const char *text);
void chat_rename(struct chat *chat, const char *nick);
void chat_set_topic(struct chat *chat, const char *topic);
void chat_who(struct chat *chat);
void chat_list(struct chat *chat);

/* chat_acts.c: uses a right of rights.def, and tells what came of it. The texts are "" where the
 * right asks for none. */
void chat_act(struct chat *chat, enum right right, uint32_t room, const char *subject,
              const char *detail);

/* `id` 0 is the message that is selected, or else one's own newest. An empty text asks for the
 * present one as a draft. */
void chat_edit(struct chat *chat, uint64_t id, const char *text);
void chat_delete(struct chat *chat, uint64_t id);

/* chat_search.c: finds; "" means older hits of the last search. Opens a hit by its number. */
void chat_search(struct chat *chat, const char *line);
void chat_open_hit(struct chat *chat, size_t number);
/* It ends with the stretch of the log that is being looked through. */
void chat_stop_search(struct chat *chat);

/* chat_history.c: shows a message in its place, fetching what is needed; pages for the room's run;
 * the first unread message. False when there is nothing of the kind. */
void chat_goto(struct chat *chat, uint32_t room, uint64_t id);
bool chat_older(struct chat *chat, struct room *room);
bool chat_newer(struct chat *chat, struct room *room);
bool chat_first_unread(struct chat *chat);

/* Opens the room on screen where the reading ended, if that is still to be done. */
void chat_settle_room(struct chat *chat);

/* The person has seen the room on screen up to the event. */
void chat_note_read(struct chat *chat, uint64_t id);

/* Tells the server what was read, each room once a second at most, or at once when `all`. Returns
 * in how many milliseconds something is due, or -1. */
int chat_tell_read(struct chat *chat, bool all);

#endif
