#include "pretend.h"
#include "frame.h"
#include "protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PRETEND_ROOM = 1, PRETEND_READ = 65536, PRETEND_TIME = 1764000000 };

bool pretend_begin(struct pretend *pretend, bool irc, struct tls *tls) {
    char name[LINK_NAME_MAX];
    struct link_problem problem;
    *pretend = (struct pretend){.irc = irc, .tls = tls, .link.descriptor = -1};
    pretend->listener = link_bind("127.0.0.1", "0", &problem);
    if (pretend->listener < 0 || !link_listen(pretend->listener, &problem))
        return false;
    link_name_local(pretend->listener, name);
    snprintf(pretend->port, sizeof pretend->port, "%s", strrchr(name, ':') + 1);
    return true;
}

void pretend_end(struct pretend *pretend) {
    if (pretend->link.descriptor >= 0)
        link_close(&pretend->link);
    close(pretend->listener);
    buffer_free(&pretend->in);
    buffer_free(&pretend->out);
}

int pretend_descriptor(const struct pretend *pretend) {
    return pretend->link.descriptor >= 0 ? pretend->link.descriptor : pretend->listener;
}

size_t pretend_waiting(const struct pretend *pretend) {
    return pretend->out.size - pretend->out_from;
}

short pretend_events(const struct pretend *pretend) {
    bool writes = pretend->link.descriptor >= 0 &&
                  (pretend_waiting(pretend) > 0 || link_wants_write(&pretend->link));
    return (short)(POLLIN | (writes ? POLLOUT : 0));
}

static void answer_room(struct pretend *pretend, uint32_t tag) {
    struct message room = {.type = MESSAGE_ROOM};
    room.room.tag = tag;
    room.room.room = PRETEND_ROOM;
    room.room.position = 1;
    room.room.members = 2;
    room.room.name = wire_text("#lobby");
    message_encode(&pretend->out, &room);
    pretend->joined = true;
}

static void answer_hello(struct pretend *pretend, const struct message *hello) {
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.version = PROTOCOL_VERSION;
    welcome.welcome.server = 1;
    welcome.welcome.account = 1;
    welcome.welcome.nick = hello->hello.nick;
    welcome.welcome.rooms = 1;
    welcome.welcome.agent = wire_text("pretend");
    welcome.welcome.standing = 1;
    message_encode(&pretend->out, &welcome);
    answer_room(pretend, 0);
}

static void answer_frame(struct pretend *pretend, struct wire_blob payload) {
    struct message message;
    struct message answer = {0};
    if (message_decode(payload, &message) != ERROR_NONE)
        return;
    if (message.type == MESSAGE_HELLO) {
        answer_hello(pretend, &message);
    } else if (message.type == MESSAGE_JOIN) {
        answer_room(pretend, message.join.tag);
    } else if (message.type == MESSAGE_PING) {
        answer.type = MESSAGE_PONG;
        message_encode(&pretend->out, &answer);
    } else if (message.type == MESSAGE_HISTORY) {
        answer.type = MESSAGE_PAGE;
        answer.page.tag = message.history.tag;
        answer.page.room = message.history.room;
        message_encode(&pretend->out, &answer);
    }
}

static void take_frames(struct pretend *pretend) {
    struct wire_reader reader = {pretend->in.data, pretend->in.data + pretend->in.size};
    struct wire_blob payload;
    while (frame_take(&reader, &payload) == FRAME_READY)
        answer_frame(pretend, payload);
    size_t left = (size_t)(reader.end - reader.at);
    memmove(pretend->in.data, reader.at, left);
    pretend->in.size = left;
}

static void answer_line(struct pretend *pretend, const char *line) {
    char text[512];
    text[0] = '\0';
    if (strncmp(line, "CAP LS", 6) == 0)
        snprintf(text, sizeof text, ":here CAP * LS :\r\n");
    else if (strncmp(line, "CAP REQ", 7) == 0)
        snprintf(text, sizeof text, ":here CAP * NAK%s\r\n", line + 7);
    else if (strncmp(line, "USER", 4) == 0)
        snprintf(text, sizeof text,
                 ":here 001 me :Welcome\r\n:here 005 me CHANTYPES=# NETWORK=here :are supported\r\n"
                 ":here 376 me :End of /MOTD\r\n");
    else if (strncmp(line, "PING", 4) == 0)
        snprintf(text, sizeof text, ":here PONG here%s\r\n", line + 4);
    else if (strncmp(line, "JOIN", 4) == 0)
        snprintf(text, sizeof text,
                 ":me!me@here JOIN #lobby\r\n:here 353 me = #lobby :me bob\r\n"
                 ":here 366 me #lobby :End\r\n");
    pretend->welcomed = pretend->welcomed || strncmp(line, "USER", 4) == 0;
    pretend->joined = pretend->joined || strncmp(line, "JOIN", 4) == 0;
    buffer_append_string(&pretend->out, text);
}

static void take_lines(struct pretend *pretend) {
    char *at = (char *)pretend->in.data;
    char *end = at + pretend->in.size;
    for (char *stop; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
        *stop = '\0';
        if (stop > at && stop[-1] == '\r')
            stop[-1] = '\0';
        answer_line(pretend, at);
    }
    memmove(pretend->in.data, at, (size_t)(end - at));
    pretend->in.size = (size_t)(end - at);
}

static bool pretend_hear(struct pretend *pretend) {
    static char bytes[PRETEND_READ];
    ssize_t got = link_read(&pretend->link, bytes, sizeof bytes);
    if (got == LINK_AGAIN)
        return true;
    if (got <= 0)
        return false;
    buffer_append(&pretend->in, bytes, (size_t)got);
    if (pretend->irc)
        take_lines(pretend);
    else
        take_frames(pretend);
    return true;
}

static bool pretend_flush(struct pretend *pretend) {
    while (pretend_waiting(pretend) > 0) {
        struct iovec piece = {pretend->out.data + pretend->out_from, pretend_waiting(pretend)};
        ssize_t sent = link_write(&pretend->link, &piece, 1);
        if (sent == LINK_AGAIN)
            return true;
        if (sent < 0)
            return false;
        pretend->out_from += (size_t)sent;
    }
    buffer_clear(&pretend->out);
    pretend->out_from = 0;
    return true;
}

bool pretend_turn(struct pretend *pretend) {
    if (pretend->link.descriptor < 0)
        return !link_accept(pretend->listener, &pretend->link) || pretend->tls == NULL ||
               tls_accept(pretend->tls, &pretend->link);
    return pretend_hear(pretend) && pretend_flush(pretend);
}

void pretend_say(struct pretend *pretend, const char *text) {
    uint64_t number = ++pretend->said;
    if (pretend->irc) {
        buffer_append_string(&pretend->out, ":bob!bob@here PRIVMSG #lobby :");
        buffer_append_string(&pretend->out, text);
        buffer_append_string(&pretend->out, "\r\n");
        return;
    }
    struct message message = {.type = MESSAGE_MESSAGE};
    message.message.id = 1 + number;
    message.message.time = (PRETEND_TIME + number / 1000) * UINT64_C(1000);
    message.message.room = PRETEND_ROOM;
    message.message.actor = 2;
    message.message.nick = wire_text("bob");
    message.message.outbox = 9;
    message.message.number = number;
    message.message.body = wire_text(text);
    message_encode(&pretend->out, &message);
}
