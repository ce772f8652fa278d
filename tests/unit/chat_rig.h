/* The controller over a network that only notes what it is asked, and that the test speaks for. */
#ifndef TESTS_UNIT_CHAT_RIG_H
#define TESTS_UNIT_CHAT_RIG_H

#include "test.h"
#include "commands.h"

static struct chat chat;
static char noted[4096];   /* what the network was asked, a line each */
static char notices[4096]; /* what the user was told */

static inline void note(const char *what, struct wire_text text) {
    size_t used = strlen(noted);
    snprintf(noted + used, sizeof noted - used, "%s%.*s\n", what, (int)text.size, text.data);
}

void net_post(struct net *net, uint32_t room, struct wire_text body) {
    char what[32];
    (void)net;
    snprintf(what, sizeof what, "post %u ", room);
    note(what, body);
}

bool net_request(struct net *net, const struct message *request) {
    struct buffer line = {0}, frame = {0};
    (void)net;
    message_encode(&frame, request);
    bool encoded = !frame.failed;
    if (encoded) {
        message_print(&line, request);
        note("", wire_text(buffer_string(&line)));
    }
    buffer_free(&line);
    buffer_free(&frame);
    return encoded;
}

void net_history(struct net *net, const struct message_history *wish) {
    char what[64];
    (void)net;
    snprintf(what, sizeof what, "history %u %llu..%llu", wish->room,
             (unsigned long long)wish->after, (unsigned long long)wish->before);
    note(what, wire_text(""));
}

void net_tell_read(struct net *net, uint32_t room, uint64_t id) {
    char what[64];
    (void)net;
    snprintf(what, sizeof what, "read %u %llu", room, (unsigned long long)id);
    note(what, wire_text(""));
}

void net_rename(struct net *net, const char *nick) {
    (void)net;
    note("rename ", wire_text(nick));
}

void net_retry(struct net *net) {
    (void)net;
    note("retry", wire_text(""));
}

static inline void take_notice(void *context, const char *text) {
    size_t used = strlen(notices);
    (void)context;
    snprintf(notices + used, sizeof notices - used, "%s\n", text);
}

static inline void answer(const struct message *message) {
    struct news news = {.kind = NEWS_ANSWER, .message = *message};
    chat_apply(&chat, &news);
}

static inline int begin(void **state) {
    (void)state;
    chat_init(&chat, "#lobby", "alice");
    chat.sink = (struct chat_sink){.notice = take_notice};
    struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 1, .not_taken = 1};
    struct news online = {.kind = NEWS_LINK, .link_state = LINK_ONLINE};
    chat_apply(&chat, &outbox);
    chat_apply(&chat, &online);
    struct message room = {.type = MESSAGE_ROOM};
    room.room.room = 1;
    room.room.name = wire_text("#lobby");
    answer(&room);
    struct message people = {.type = MESSAGE_PEOPLE};
    people.people.tag = chat.next_tag;
    people.people.room = 1;
    answer(&people);
    noted[0] = '\0';
    notices[0] = '\0';
    return 0;
}

static inline int end(void **state) {
    (void)state;
    chat_free(&chat);
    return 0;
}

static inline void enter(const char *text) {
    commands_enter(&chat, text, strlen(text));
}

/* A message arrives as news; actor 7 is the user. */
static inline void arrives(uint64_t id, uint32_t actor, const char *body, bool first) {
    struct message event = {.type = MESSAGE_MESSAGE};
    struct buffer frame = {0};
    event.event = (struct event_head){.id = id, .time = id, .room = 1, .actor = actor};
    event.message.nick = wire_text(actor == 7 ? "alice" : "bob");
    event.message.body = wire_text(body);
    message_encode(&frame, &event);
    struct news news = {.kind = NEWS_EVENTS, .room = 1, .reset = first};
    news.frames = (struct wire_blob){frame.data, frame.size};
    chat_apply(&chat, &news);
    buffer_free(&frame);
}

static inline struct room *lobby_with_messages(void) {
    chat.model->account = 7;
    arrives(11, 5, "bob's", true);
    arrives(12, 7, "mine", false);
    arrives(13, 7, "my last", false);
    noted[0] = '\0';
    return model_current(chat.model);
}

static inline void expect_noted(const char *first, const char *second) {
    if (strstr(noted, first) == NULL || strstr(noted, second) == NULL)
        fail_msg("'%s' has not both '%s' and '%s'", noted, first, second);
    noted[0] = '\0';
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
