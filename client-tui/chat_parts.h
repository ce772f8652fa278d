/* What the files of the controller share: chat.c (the verbs), chat_news.c (what the network thread
 * tells), chat_acts.c, chat_history.c and chat_search.c. */
#ifndef CLIENT_CHAT_PARTS_H
#define CLIENT_CHAT_PARTS_H

#include "chat.h"

enum request_kind {
    REQUEST_JOIN,
    REQUEST_DIRECT,
    REQUEST_LEAVE,
    REQUEST_RENAME,
    REQUEST_TOPIC,
    REQUEST_WHO,
    REQUEST_WHO_QUIETLY, /* for completion only */
    REQUEST_LIST,
    REQUEST_SEARCH,
    REQUEST_AMEND,
    REQUEST_ACT
};

/* A request that the server has not answered. */
struct chat_request {
    uint32_t tag;
    enum request_kind kind;
    uint32_t room;
    enum right right; /* of an act */
    char *text;       /* what to say in a direct room once it is open; the wished nick; or NULL */
    struct chat_request *next;
};

/* As arguments of a format with "%.*s" */
#define PRINTED(text) chat_print_size(text), (text).size > 0 ? (text).data : ""
int chat_print_size(struct wire_text text);

char *chat_copy(const char *text);

/* Sends a request, whose answer will be met by `kind`, and returns its tag; 0 after saying that it
 * is too long to be sent. Takes over `text`. */
uint32_t chat_ask(struct chat *chat, enum request_kind kind, struct message *message, uint32_t room,
                  char *text);
struct chat_request *chat_take_request(struct chat *chat, uint32_t tag);
void chat_free_request(struct chat_request *request);
void chat_ask_who(struct chat *chat, uint32_t room, enum request_kind kind);

/* chat_acts.c: the answers to an act. */
void chat_on_act_done(struct chat *chat, const struct chat_request *request);
void chat_on_code(struct chat *chat, const struct chat_request *request,
                  const struct message_code *code);
void chat_on_device(struct chat *chat, const struct message_device *device);

/* chat_search.c: the answer to the search under way; its end, answered or not. */
void chat_on_hits(struct chat *chat, const struct message_hits *hits);
void chat_end_search(struct chat *chat);
/* Forgets the search and its hits; an answer that still comes is passed over. */
void chat_forget_search(struct chat *chat);
/* An edit or a deletion came, of which the answer to a search under way may not know. */
void chat_keep_amendment(struct chat *chat, const struct message *event);

/* chat_history.c: the answer to a history request. */
void chat_on_page(struct chat *chat, const struct news *news);

#endif
