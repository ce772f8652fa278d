/* impostor FILE: a server that means no good. Listens on a free port of 127.0.0.1 and prints it;
 * greets one client after the other, and puts each line of FILE into every text a client may show:
 * bodies, nicks, topics, room names, live and as history, people, errors, and its goodbye, after
 * which the client is let go when its input ends or it hangs up. */
#include "frame.h"
#include "link.h"
#include "protocol.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 500 };

static struct wire_text lines[LINES_MAX];
static size_t line_count;
static struct link client;
static uint64_t next_id = 1;

static void say(const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    for (size_t sent = 0; !frame.failed && sent < frame.size;) {
        struct iovec piece = {frame.data + sent, frame.size - sent};
        ssize_t written = link_write(&client, &piece, 1);
        struct pollfd wait = {client.descriptor, POLLOUT, 0};
        if (written == LINK_AGAIN)
            poll(&wait, 1, 1000);
        else if (written < 0)
            break;
        else
            sent += (size_t)written;
    }
    buffer_free(&frame);
}

static struct message event_of(enum message_type type) {
    struct message event = {.type = type};
    event.event.id = next_id++;
    event.event.time = next_id % 3 == 0 ? UINT64_MAX : next_id % 3;
    event.event.room = 1;
    event.event.actor = 7;
    return event;
}

static struct message message_of(struct wire_text text) {
    struct message event = event_of(MESSAGE_MESSAGE);
    event.message.nick = text;
    event.message.body = text;
    return event;
}

static void say_events(struct wire_text text) {
    struct message event = message_of(text);
    say(&event);
    uint64_t target = event.event.id;
    event = event_of(MESSAGE_EDITED);
    event.edited.nick = text;
    event.edited.target = target;
    event.edited.body = text;
    say(&event);
    event = event_of(MESSAGE_TOPIC_SET);
    event.topic_set.nick = text;
    event.topic_set.topic = text;
    say(&event);
    event = event_of(MESSAGE_RENAMED);
    event.renamed.nick = text;
    event.renamed.new_nick = text;
    say(&event);
    event = event_of(MESSAGE_JOINED);
    event.joined.nick = text;
    say(&event);
}

static void say_room(uint32_t tag, uint32_t number, struct wire_text name, struct wire_text topic) {
    struct message room = {.type = MESSAGE_ROOM};
    room.room.tag = tag;
    room.room.room = number;
    room.room.position = next_id;
    room.room.newest = next_id;
    room.room.kind = number > 1;
    room.room.name = name;
    room.room.topic = topic;
    room.room.read = number % 3 == 0 ? UINT64_MAX : number % 3;
    room.room.unread = number % 2 == 0 ? UINT32_MAX : 0;
    say(&room);
}

static void greet(void) {
    static const uint8_t secret[SECRET_BYTES] = {1};
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.version = 1;
    welcome.welcome.server = 42;
    welcome.welcome.account = 1;
    welcome.welcome.nick = wire_text("victim");
    welcome.welcome.secret = (struct wire_blob){secret, sizeof secret};
    welcome.welcome.agent = lines[0];
    say(&welcome);
    for (size_t i = 0; i < line_count; i++)
        say_room(0, (uint32_t)i + 2, lines[i], lines[i]);
}

static void answer_history(const struct message_history *history) {
    struct buffer events = {0};
    struct message page = {.type = MESSAGE_PAGE};
    for (size_t i = 0; i < line_count && history->room == 1; i++) {
        struct message event = message_of(lines[i]);
        message_encode(&events, &event);
    }
    page.page.tag = history->tag;
    page.page.room = history->room;
    page.page.events = (struct wire_blob){events.data, events.size};
    say(&page);
    buffer_free(&events);
}

static void answer_search(const struct message_search *search) {
    struct buffer events = {0};
    struct message hits = {.type = MESSAGE_HITS};
    struct message seen = {.type = MESSAGE_SEEN};
    for (size_t i = 0; i < line_count; i++) {
        struct message event = message_of(lines[i]);
        event.message.amended = UINT64_MAX;
        message_encode(&events, &event);
    }
    hits.hits.tag = search->tag;
    hits.hits.more = 1;
    hits.hits.events = (struct wire_blob){events.data, events.size};
    say(&hits);
    seen.seen.room = 1;
    seen.seen.id = UINT64_MAX;
    seen.seen.unread = UINT32_MAX;
    say(&seen);
    buffer_free(&events);
}

static void answer_who(const struct message_who *who) {
    struct buffer nicks = {0};
    struct message people = {.type = MESSAGE_PEOPLE};
    for (size_t i = 0; i < line_count; i++)
        wire_put_text(&nicks, lines[i]);
    people.people.tag = who->tag;
    people.people.room = who->room;
    people.people.nicks = (struct wire_texts){nicks.data, nicks.size, (uint16_t)line_count};
    say(&people);
    buffer_free(&nicks);
}

static void answer_post(const struct message_post *post) {
    struct message refused = {.type = MESSAGE_REFUSED};
    refused.refused.number = post->number;
    refused.refused.code = 9999;
    refused.refused.reason = lines[post->number % line_count];
    say(&refused);
    for (size_t i = 0; i < line_count; i++) {
        struct message error = {.type = MESSAGE_ERROR};
        say_events(lines[i]);
        error.error.tag = 1;
        error.error.reason = lines[i];
        error.error.suggestion = lines[i];
        say(&error);
    }
    struct message done = message_of(wire_text("all is said"));
    say(&done);
}

static void answer(struct wire_blob payload) {
    struct message message;
    if (message_decode(payload, &message) != ERROR_NONE)
        return;
    if (message.type == MESSAGE_HELLO)
        greet();
    else if (message.type == MESSAGE_JOIN)
        say_room(message.join.tag, 1, wire_text("#lobby"), lines[0]);
    else if (message.type == MESSAGE_HISTORY)
        answer_history(&message.history);
    else if (message.type == MESSAGE_SEARCH)
        answer_search(&message.search);
    else if (message.type == MESSAGE_WHO)
        answer_who(&message.who);
    else if (message.type == MESSAGE_POST && wire_text_equal(message.post.body, wire_text("bye"))) {
        struct message goodbye = {.type = MESSAGE_GOODBYE};
        goodbye.goodbye.reason = lines[0];
        say(&goodbye);
    } else if (message.type == MESSAGE_POST)
        answer_post(&message.post);
}

static void serve(void) {
    static uint8_t bytes[65536];
    struct frame_reader reader = {0};
    struct wire_blob payload;
    for (;;) {
        struct pollfd wait = {client.descriptor, POLLIN, 0};
        poll(&wait, 1, -1);
        ssize_t got = link_read(&client, bytes, sizeof bytes);
        if (got == LINK_AGAIN)
            continue;
        if (got <= 0)
            break;
        frame_reader_feed(&reader, bytes, (size_t)got);
        while (frame_reader_next(&reader, &payload) == FRAME_READY)
            answer(payload);
    }
    frame_reader_free(&reader);
    link_close(&client);
}

static bool read_lines(const char *path) {
    static char content[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(content, 1, sizeof content, file) : 0;
    for (size_t at = 0; at < size && line_count < LINES_MAX;) {
        const char *end = memchr(content + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - content) - at : size - at;
        lines[line_count++] = (struct wire_text){content + at, length};
        at += length + 1;
    }
    return line_count > 0;
}

int main(int argc, char **argv) {
    char name[LINK_NAME_MAX];
    struct link_problem problem;
    int listener = link_bind("127.0.0.1", "0", &problem);
    if (argc < 2 || listener < 0 || !link_listen(listener, &problem) || !read_lines(argv[1]))
        return EXIT_FAILURE;
    link_name_local(listener, name);
    printf("listening on %s\n", name);
    fflush(stdout);
    for (;;) {
        struct pollfd wait = {listener, POLLIN, 0};
        poll(&wait, 1, -1);
        if (link_accept(listener, &client))
            serve();
    }
}
