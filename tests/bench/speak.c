#include "speak.h"
#include "frame.h"
#include "protocol.h"

#include <stdio.h>
#include <string.h>

static void chat_greet(struct buffer *out, unsigned number, bool publishes) {
    struct message hello = {.type = MESSAGE_HELLO};
    char nick[32];
    (void)publishes;
    snprintf(nick, sizeof nick, "load%u", number);
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = number + 1;
    hello.hello.further = 1;
    message_encode(out, &hello);
}

static void chat_publish(struct buffer *out, uint64_t k, const char body[SPEAK_BODY]) {
    struct message post = {.type = MESSAGE_POST};
    post.post.number = k;
    post.post.room = 1;
    post.post.body = (struct wire_text){body, SPEAK_BODY};
    message_encode(out, &post);
}

static uint32_t frame_size(const char *data) {
    const uint8_t *bytes = (const uint8_t *)data;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The body is the last field of what was never edited. */
static size_t chat_take(const char *data, size_t size, const char **body) {
    *body = NULL;
    if (size < FRAME_HEAD + 1 || size < FRAME_HEAD + frame_size(data))
        return 0;
    size_t whole = FRAME_HEAD + frame_size(data);
    const bool further = data[FRAME_HEAD] == MESSAGE_FURTHER;
    if (further || (data[FRAME_HEAD] == MESSAGE_MESSAGE && whole > SPEAK_BODY + 8 + FRAME_HEAD))
        *body = data + whole - SPEAK_BODY;
    return whole;
}

static void bare_greet(struct buffer *out, unsigned number, bool publishes) {
    (void)out;
    (void)number;
    (void)publishes;
}

static void bare_publish(struct buffer *out, uint64_t k, const char body[SPEAK_BODY]) {
    static const char head[FRAME_HEAD] = {0, 0, 0, SPEAK_BODY};
    (void)k;
    buffer_append(out, head, sizeof head);
    buffer_append(out, body, SPEAK_BODY);
}

static size_t bare_take(const char *data, size_t size, const char **body) {
    *body = NULL;
    if (size < FRAME_HEAD || size < FRAME_HEAD + frame_size(data))
        return 0;
    if (frame_size(data) == SPEAK_BODY)
        *body = data + FRAME_HEAD;
    return FRAME_HEAD + frame_size(data);
}

static void irc_greet(struct buffer *out, unsigned number, bool publishes) {
    (void)publishes;
    buffer_append_format(out, "NICK load%u\r\nUSER load%u 0 * :load\r\n", number, number);
}

static void irc_publish(struct buffer *out, uint64_t k, const char body[SPEAK_BODY]) {
    (void)k;
    buffer_append_string(out, "PRIVMSG #load :");
    buffer_append(out, body, SPEAK_BODY);
    buffer_append_string(out, "\r\n");
}

/* ":nick!user@host PRIVMSG #load :BODY\r\n" */
static size_t irc_take(const char *data, size_t size, const char **body) {
    static const char verb[] = " PRIVMSG ";
    const char *end = memchr(data, '\n', size);
    *body = NULL;
    if (end == NULL)
        return 0;
    size_t whole = (size_t)(end - data) + 1;
    if (whole > SPEAK_BODY + sizeof verb && data[0] == ':' &&
        memmem(data, whole - SPEAK_BODY, verb, sizeof verb - 1) != NULL)
        *body = end - 1 - SPEAK_BODY;
    return whole;
}

static void nats_greet(struct buffer *out, unsigned number, bool publishes) {
    (void)number;
    buffer_append_string(out, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    if (!publishes)
        buffer_append_string(out, "SUB load 1\r\n");
    buffer_append_string(out, "PING\r\n");
}

static void nats_publish(struct buffer *out, uint64_t k, const char body[SPEAK_BODY]) {
    (void)k;
    buffer_append_string(out, "PUB load 100\r\n");
    buffer_append(out, body, SPEAK_BODY);
    buffer_append_string(out, "\r\n");
}

static size_t nats_take(const char *data, size_t size, const char **body) {
    static const char verb[] = "MSG load ";
    const char *end = memchr(data, '\n', size);
    *body = NULL;
    if (end == NULL)
        return 0;
    size_t line = (size_t)(end - data) + 1;
    if (size < sizeof verb || memcmp(data, verb, sizeof verb - 1) != 0)
        return line;
    if (size < line + SPEAK_BODY + 2)
        return 0;
    *body = data + line;
    return line + SPEAK_BODY + 2;
}

static const struct speaker speakers[] = {
    {"ours", false, NULL, NULL, "#lobby", chat_greet, chat_publish, chat_take},
    {"ours-tls", true, NULL, NULL, "#lobby", chat_greet, chat_publish, chat_take},
    {"forwarder", false, NULL, NULL, "r", bare_greet, bare_publish, bare_take},
    {"irc", false, " 001 ", "JOIN #load\r\n", " 366 ", irc_greet, irc_publish, irc_take},
    {"nats", false, NULL, NULL, "PONG", nats_greet, nats_publish, nats_take},
};

const struct speaker *speaker_find(const char *name) {
    for (size_t i = 0; i < sizeof speakers / sizeof *speakers; i++)
        if (strcmp(speakers[i].name, name) == 0)
            return &speakers[i];
    return NULL;
}
