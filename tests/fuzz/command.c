/* Whatever a person enters, or a file does into a pipe, what goes to the server decodes there and
 * is valid UTF-8: a server ends the session of who sends anything else, again at each connection.
 * Lines are separated by a byte that no text has. */
#include "fuzz.h"
#include "commands.h"
#include "complete.h"
#include "frame.h"
#include "keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

enum { SEPARATOR = 0xFF };

static void check_sent(const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    if (!frame.failed)
        fuzz_check_frames((struct wire_blob){frame.data, frame.size});
    buffer_free(&frame);
}

void net_post(struct net *net, uint32_t room, struct wire_text body) {
    struct message post = {.type = MESSAGE_POST};
    (void)net;
    post.post.room = room;
    post.post.body = body;
    check_sent(&post);
}

bool net_request(struct net *net, const struct message *request) {
    (void)net;
    check_sent(request);
    return true;
}

void net_history(struct net *net, const struct message_history *wish) {
    (void)net;
    FUZZ_CHECK(wish->limit > 0);
}

void net_tell_read(struct net *net, uint32_t room, uint64_t id) {
    (void)net;
    (void)room;
    (void)id;
}

void net_rename(struct net *net, const char *nick) {
    (void)net;
    FUZZ_CHECK(u8_check((const uint8_t *)nick, strlen(nick)) == NULL);
}

void net_retry(struct net *net) {
    (void)net;
}

static void ignore_notice(void *context, const char *text) {
    (void)context;
    FUZZ_CHECK(strlen(text) < 1 << 20);
}

static void begin(struct chat *chat) {
    struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 1, .not_taken = 1};
    struct news online = {.kind = NEWS_LINK, .link_state = LINK_ONLINE};
    struct news room = {.kind = NEWS_ANSWER, .message = {.type = MESSAGE_ROOM}};
    room.message.room.room = 1;
    room.message.room.name = wire_text("#lobby");
    FUZZ_CHECK(chat_init(chat, "#lobby", "alice"));
    chat->sink = (struct chat_sink){.notice = ignore_notice};
    chat_apply(chat, &outbox);
    chat_apply(chat, &online);
    chat_apply(chat, &room);
}

static void check_query(const char *line) {
    struct query query;
    bool understood = query_parse(&query, line);
    FUZZ_CHECK(understood || query.problem[0] != '\0');
    query_free(&query);
}

static void check_completion(const struct chat *chat, const char *line) {
    const char *blank = strrchr(line, ' ');
    const char *word = blank != NULL ? blank + 1 : line;
    char **matches = complete_matches(chat, line, word, (int)(word - line));
    for (size_t i = 0; matches != NULL && matches[i] != NULL; i++)
        free(matches[i]);
    free(matches);
}

/* As Readline and the pipe do it: a zero byte ends what is entered. */
static void enter(struct chat *chat, const uint8_t *text, size_t size) {
    const struct key_binding *found;
    char *line = strndup((const char *)text, size);
    FUZZ_CHECK(line != NULL);
    check_query(line);
    check_completion(chat, line);
    keys_match(line, strlen(line), &found);
    commands_enter(chat, line, strlen(line));
    free(chat->draft);
    free(chat->key_file);
    chat->draft = NULL;
    chat->key_file = NULL;
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct chat chat = {0};
    begin(&chat);
    while (size > 0) {
        const uint8_t *end = memchr(data, SEPARATOR, size);
        size_t length = end != NULL ? (size_t)(end - data) : size;
        enter(&chat, data, length);
        length += end != NULL;
        data += length;
        size -= length;
    }
    chat_free(&chat);
    return 0;
}
