/* The controller: turns news into the model and the user's wishes into orders for the network
 * thread. Both the full screen and --pipe stand on it; the commands are its verbs. The UI thread's
 * alone. */
#ifndef CLIENT_CHAT_H
#define CLIENT_CHAT_H

#include "model.h"
#include "net.h"

/* How the pipe listens in; the full screen reads the model instead and leaves both NULL. */
struct chat_sink {
    void *context;
    /* `elsewhere`: it belongs to the first page of a room other than the one begun in. */
    void (*message)(void *context, const struct room *room, const struct message_message *message,
                    bool elsewhere);
    void (*notice)(void *context, const char *text);
};

enum request_kind {
    REQUEST_JOIN,
    REQUEST_DIRECT,
    REQUEST_LEAVE,
    REQUEST_RENAME,
    REQUEST_TOPIC,
    REQUEST_WHO,
    REQUEST_WHO_QUIETLY, /* for completion only */
    REQUEST_LIST,
    REQUEST_SEARCH
};

/* A request that the server has not answered. */
struct chat_request {
    uint32_t tag;
    enum request_kind kind;
    uint32_t room;
    char *text; /* what to say in a direct room once it is open; the wished nick; or NULL */
    struct chat_request *next;
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
    bool own_seen_known; /* the first welcome has said what was there before */
    bool joined;         /* the start room has its number */
    uint32_t start;      /* that number, once the first page has come; else 0 */
    uint32_t next_tag;
    struct chat_request *requests;
    char *search_words; /* of the last search, for its older hits */
    uint64_t search_before;
};

/* Begins with the start room. False when out of memory. */
bool chat_init(struct chat *chat, const char *start_room, const char *nick);
void chat_free(struct chat *chat);

/* Applies one item of news; frees nothing. */
void chat_apply(struct chat *chat, const struct news *news);

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
void chat_search(struct chat *chat, const char *words);
void chat_older(struct chat *chat, struct room *room);

#endif
