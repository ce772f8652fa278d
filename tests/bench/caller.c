#include "caller.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { CALLER_PATIENCE = 60000 /* milliseconds */ };

static bool caller_says(const char *what) {
    fprintf(stderr, "caller: %s\n", what);
    return false;
}

static bool caller_read(struct caller *caller) {
    struct pollfd wait = {caller->link.descriptor, POLLIN, 0};
    ssize_t got = LINK_AGAIN;
    while (got == LINK_AGAIN) {
        if (poll(&wait, 1, CALLER_PATIENCE) == 0)
            return caller_says("the server does not answer");
        got = link_read(&caller->link, caller->bytes, sizeof caller->bytes);
    }
    if (got <= 0)
        return caller_says("the server has hung up");
    frame_reader_feed(&caller->reader, caller->bytes, (size_t)got);
    return true;
}

bool caller_expect(struct caller *caller, enum message_type type, struct message *answer) {
    for (;;) {
        struct wire_blob payload;
        enum frame_result result = frame_reader_next(&caller->reader, &payload);
        if (result == FRAME_MORE && caller_read(caller))
            continue;
        if (result != FRAME_READY || message_decode(payload, answer) != ERROR_NONE)
            return caller_says("no answer that makes sense");
        if (answer->type == type)
            return true;
        if (answer->type == MESSAGE_ERROR)
            return caller_says(error_text(answer->error.code));
    }
}

bool caller_ask(struct caller *caller, const struct message *request, enum message_type type,
                struct message *answer) {
    struct buffer frame = {0};
    message_encode(&frame, request);
    struct iovec piece = {frame.data, frame.size};
    bool sent = !frame.failed && link_write(&caller->link, &piece, 1) == (ssize_t)frame.size;
    buffer_free(&frame);
    return (sent || caller_says("cannot send")) && caller_expect(caller, type, answer);
}

static bool caller_greet(struct caller *caller, const char *nick) {
    struct message hello = {.type = MESSAGE_HELLO};
    struct message answer;
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = caller->outbox;
    hello.hello.secret = (struct wire_blob){caller->secret, caller->known ? SECRET_BYTES : 0};
    if (!caller_ask(caller, &hello, MESSAGE_WELCOME, &answer) ||
        answer.welcome.secret.size != SECRET_BYTES)
        return false;
    memcpy(caller->secret, answer.welcome.secret.data, SECRET_BYTES);
    caller->known = true;
    for (unsigned left = answer.welcome.rooms; left > 0; left--)
        if (!caller_expect(caller, MESSAGE_ROOM, &answer))
            return false;
    return true;
}

bool caller_call(struct caller *caller, const char *port, const char *nick) {
    struct link_problem problem;
    if (!link_connect("127.0.0.1", port, CALLER_PATIENCE, NULL, &caller->link, &problem))
        return caller_says(problem.text);
    return caller_greet(caller, nick);
}

void caller_hang_up(struct caller *caller) {
    if (caller->link.kind != NULL && caller->link.descriptor >= 0)
        link_close(&caller->link);
    frame_reader_free(&caller->reader);
}
