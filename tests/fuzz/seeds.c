/* seeds FOLDER: writes a first corpus into FOLDER/TARGET, from the tables of the protocol and of
 * the commands, so that the fuzzer knows every message and command there is. */
#include "commands.h"
#include "field.h"
#include "frame.h"
#include "protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *seeds_folder;

static void seeds_write(const char *target, const char *name, const struct buffer *content) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", seeds_folder, target);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        exit(EXIT_FAILURE);
    snprintf(path, sizeof path, "%s/%s/%s", seeds_folder, target, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || content->failed ||
        fwrite(content->data, 1, content->size, file) != content->size || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

/* A message of the type with something in each field; room 1 is the lobby. */
static struct message sample(const struct message_entry *entry) {
    static const uint8_t texts[] = {0, 5, 'a', 'l', 'i', 'c', 'e', 0, 3, 'b', 'o', 'b'};
    struct message message = {.type = entry->type};
    for (size_t i = 0; i < entry->field_count; i++) {
        const struct message_field *field = &entry->fields[i];
        void *place = (char *)&message + field->offset;
        bool is_room = strcmp(field->name, "name") == 0;
        if (field_set_number(place, field->type, field->type == FIELD_u8 ? 0 : 1))
            continue;
        if (field->type == FIELD_text)
            *(struct wire_text *)place = wire_text(is_room ? "#den" : "alice");
        else if (field->type == FIELD_texts)
            *(struct wire_texts *)place = (struct wire_texts){texts, sizeof texts, 2};
    }
    return message;
}

static struct message hello_of(const char *nick) {
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = 99;
    hello.hello.agent = wire_text("seed");
    return hello;
}

/* Puts a text that no screen must get into every text of a message. */
static void make_hostile(struct message *message) {
    const struct message_entry *entry = message_find(message->type);
    for (size_t i = 0; i < entry->field_count; i++)
        if (entry->fields[i].type == FIELD_text)
            *(struct wire_text *)(void *)((char *)message + entry->fields[i].offset) = wire_text(
                "a\x1b[31mb\x07\x9b\xc2\x9b\xe2\x80\xae c\xe2\x80\x8b\xef\xb8\x8f\xcc\x81\xcc"
                "\x82\xcc\x83\xcc\x84\xcc\x85 \xe4\xb8\xad\n\t\xf0\x9f\x91\xa9\xe2\x80\x8d\xff");
}

/* A step of server_session.c or client_session.c: who, a size, the payload. */
static void add_step(struct buffer *steps, uint8_t who, const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    wire_put_u8(steps, who);
    wire_put_text(
        steps, (struct wire_text){(const char *)frame.data + FRAME_HEAD, frame.size - FRAME_HEAD});
    buffer_free(&frame);
}

/* What the session targets read as a step that is nobody's; see server_session.c. */
static void add_other(struct buffer *steps, unsigned what, uint8_t slot, const char *payload) {
    wire_put_u8(steps, (uint8_t)(0x03u | what << 2 | (unsigned)slot << 4));
    wire_put_text(steps, wire_text(payload));
}

static void add_post(struct buffer *steps, uint8_t who, uint64_t number, uint32_t room,
                     const char *body) {
    struct message post = {.type = MESSAGE_POST};
    post.post.number = number;
    post.post.room = room;
    post.post.body = wire_text(body);
    add_step(steps, who, &post);
}

static void add_act(struct buffer *steps, uint8_t who, enum right right, uint32_t room,
                    const char *subject, const char *detail) {
    struct message act = {.type = MESSAGE_ACT};
    act.act.tag = 1;
    act.act.right = (uint8_t)right;
    act.act.room = room;
    act.act.subject = wire_text(subject);
    act.act.detail = wire_text(detail);
    add_step(steps, who, &act);
}

static void add_key(struct buffer *steps, uint8_t slot, uint8_t key) {
    wire_put_u8(steps, (uint8_t)(0x03 | 1 << 2 | slot << 4));
    wire_put_u16(steps, 1);
    wire_put_u8(steps, key);
}

/* Three people in the lobby; the first owns the server. */
static void begin_server(struct buffer *steps) {
    static const char *const nicks[] = {"alice", "bob", "carol"};
    buffer_clear(steps);
    wire_put_u8(steps, 1);
    for (uint8_t slot = 0; slot < 3; slot++) {
        struct message hello = hello_of(nicks[slot]);
        add_key(steps, slot, (uint8_t)(slot + 1));
        add_step(steps, slot | 0x80, &hello);
    }
    wire_put_u8(steps, 0x03 | 3 << 2);
    wire_put_u16(steps, 0);
}

static void add_edits(struct buffer *steps) {
    struct message edit = {.type = MESSAGE_EDIT}, delete = {.type = MESSAGE_DELETE};
    struct message read = {.type = MESSAGE_READ}, history = {.type = MESSAGE_HISTORY};
    add_post(steps, 0x00, 1, 1, "one");
    add_post(steps, 0x81, 1, 1, "two");
    add_post(steps, 0x80, 2, 1, "three");
    edit.edit.room = 1;
    edit.edit.body = wire_text("four");
    add_step(steps, 0x80, &edit);
    delete.delete.room = 1;
    delete.delete.id = 1;
    add_step(steps, 0x81, &delete);
    read.read.room = 1;
    add_step(steps, 0x81, &read);
    history.history.room = 1;
    history.history.before = PROTOCOL_END;
    history.history.limit = 10;
    add_step(steps, 0x81, &history);
    add_other(steps, 2, 0, "");
    add_other(steps, 3, 0, "the disk fails");
    add_post(steps, 0x80, 3, 1, "five");
    add_post(steps, 0x80, 3, 1, "five");
}

static void add_devices(struct buffer *steps) {
    struct message hello = hello_of("dave");
    add_act(steps, 0x80, RIGHT_ADMIT, 0, "invited", "");
    add_act(steps, 0x80, RIGHT_INVITE_TO_SERVER, 0, "", "");
    hello.hello.code = wire_text("?");
    add_other(steps, 0, 1, "");
    add_key(steps, 1, 4);
    add_step(steps, 0x81, &hello);
    add_act(steps, 0x80, RIGHT_DEVICE_ADD, 0, "", "");
    hello.hello.keeps_nick = 1;
    hello.hello.outbox = 98;
    add_other(steps, 0, 2, "");
    add_key(steps, 2, 5);
    add_step(steps, 0x82, &hello);
    add_act(steps, 0x80, RIGHT_DEVICE_LIST, 0, "", "");
    add_act(steps, 0x80, RIGHT_DEVICE_REMOVE, 0, "2", "");
    add_step(steps, 0x82, &hello);
}

static void add_directs(struct buffer *steps) {
    struct message direct = {.type = MESSAGE_DIRECT}, leave = {.type = MESSAGE_LEAVE};
    direct.direct.nick = wire_text("bob");
    add_step(steps, 0x80, &direct);
    add_post(steps, 0x80, 1, 2, "hello");
    leave.leave.room = 2;
    add_step(steps, 0x81, &leave);
    add_post(steps, 0x80, 2, 2, "are you there?");
    add_act(steps, 0x81, RIGHT_BLOCK, 0, "alice", "");
    add_post(steps, 0x80, 3, 2, "hello?");
}

static void add_private_room(struct buffer *steps) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.name = wire_text("#den");
    add_step(steps, 0x80, &join);
    add_act(steps, 0x80, RIGHT_ACCESS, 2, "", "private read-only");
    add_step(steps, 0x81, &join);
    add_act(steps, 0x80, RIGHT_INVITE, 2, "bob", "");
    add_step(steps, 0x81, &join);
    add_act(steps, 0x80, RIGHT_OP, 2, "bob", "");
    add_act(steps, 0x80, RIGHT_TRANSFER, 2, "bob", "");
    add_act(steps, 0x81, RIGHT_BAN, 2, "alice", "so");
    add_step(steps, 0x80, &join);
}

static void write_server_stories(void) {
    static const struct {
        const char *name;
        void (*add)(struct buffer *steps);
    } stories[] = {{"story-edits", add_edits},
                   {"story-devices", add_devices},
                   {"story-directs", add_directs},
                   {"story-private-room", add_private_room}};
    struct buffer steps = {0};
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        begin_server(&steps);
        stories[i].add(&steps);
        seeds_write("server_session", stories[i].name, &steps);
    }
    buffer_free(&steps);
}

static void write_server_seeds(void) {
    struct buffer steps = {0}, all = {0};
    begin_server(&all);
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message = sample(&message_table[i]);
        if (message_table[i].sender != SENT_BY_CLIENT || message.type == MESSAGE_HELLO)
            continue;
        begin_server(&steps);
        add_step(&steps, 0x80, &message);
        add_step(&steps, 0x81, &message);
        add_step(&all, 0x80, &message);
        seeds_write("server_session", message_table[i].name, &steps);
    }
    seeds_write("server_session", "all", &all);
    for (unsigned right = 1; right < 80; right++) {
        struct message join = {.type = MESSAGE_JOIN};
        char name[32];
        snprintf(name, sizeof name, "right-%u", right);
        join.join.name = wire_text("#den");
        begin_server(&steps);
        add_step(&steps, 0x80, &join);
        add_step(&steps, 0x81, &join);
        add_act(&steps, 0x80, (enum right)right, 2, "bob", "open");
        if (right_find(right) != NULL)
            seeds_write("server_session", name, &steps);
    }
    buffer_free(&steps);
    buffer_free(&all);
}

static void add_user(struct buffer *steps, uint8_t what, const char *text) {
    wire_put_u8(steps, 0x80 | what);
    wire_put_u8(steps, (uint8_t)strlen(text));
    buffer_append_string(steps, text);
}

enum { USER_ENTERS = 101, CLIENT_NEWEST = 1000 };

/* A client that was welcomed and is in the lobby, whose first page has come. */
static void begin_client(struct buffer *steps) {
    struct message welcome = sample(message_find(MESSAGE_WELCOME));
    struct message room = sample(message_find(MESSAGE_ROOM));
    struct message page = sample(message_find(MESSAGE_PAGE));
    struct message message = sample(message_find(MESSAGE_MESSAGE));
    struct buffer events = {0};
    message.event.id = CLIENT_NEWEST;
    message_encode(&events, &message);
    buffer_clear(steps);
    wire_put_u8(steps, 1);
    room.room.position = CLIENT_NEWEST;
    room.room.newest = CLIENT_NEWEST;
    page.page.more = 1;
    welcome.welcome.up_to = 0;
    welcome.welcome.rooms = 0;
    room.room.name = wire_text("#lobby");
    page.page.events = (struct wire_blob){events.data, events.size};
    add_step(steps, 0, &welcome);
    add_step(steps, 0, &room);
    add_step(steps, 0, &page);
    buffer_free(&events);
}

/* An answer with messages of these ids in it. */
static void add_messages(struct buffer *steps, enum message_type type, uint64_t first,
                         uint64_t last) {
    struct message answer = sample(message_find(type));
    struct message message = sample(message_find(MESSAGE_MESSAGE));
    struct buffer events = {0};
    for (message.event.id = first; message.event.id <= last; message.event.id++) {
        message.event.time = message.event.id * 3600000;
        message.message.body = wire_text(message.event.id % 3 == 0 ? "hello victim" : "two\nlines");
        message_encode(&events, &message);
    }
    if (type == MESSAGE_PAGE) {
        answer.page.events = (struct wire_blob){events.data, events.size};
        answer.page.more = 1;
    } else {
        answer.hits.events = (struct wire_blob){events.data, events.size};
        answer.hits.more = 1;
    }
    add_step(steps, 0, &answer);
    buffer_free(&events);
}

static void add_keys(struct buffer *steps) {
    for (uint8_t key = 0; key < 28; key++)
        wire_put_u8(steps, 0x80 | key);
}

/* Scrolls up through pages, to what a search found, and down again. */
static void write_client_stories(void) {
    struct message seen = sample(message_find(MESSAGE_SEEN));
    struct message refused = sample(message_find(MESSAGE_REFUSED));
    struct message edited = sample(message_find(MESSAGE_EDITED));
    struct message error = sample(message_find(MESSAGE_ERROR));
    struct buffer steps = {0};
    begin_client(&steps);
    add_messages(&steps, MESSAGE_PAGE, 985, 999);
    add_keys(&steps);
    add_messages(&steps, MESSAGE_PAGE, 970, 984);
    add_user(&steps, USER_ENTERS, "/search from:bob in:#lobby after:2026-01 word*");
    add_messages(&steps, MESSAGE_HITS, 100, 106);
    add_user(&steps, USER_ENTERS, "/open 3");
    add_messages(&steps, MESSAGE_PAGE, 90, 104);
    add_keys(&steps);
    add_messages(&steps, MESSAGE_PAGE, 105, 118);
    add_keys(&steps);
    edited.event.id = 2000;
    edited.edited.target = 110;
    add_step(&steps, 0, &edited);
    add_messages(&steps, MESSAGE_PAGE, 955, 970);
    add_keys(&steps);
    seeds_write("client_session", "story-scroll", &steps);
    begin_client(&steps);
    seen.seen.unread = 50;
    add_step(&steps, 0, &seen);
    add_messages(&steps, MESSAGE_PAGE, 10, 30);
    add_keys(&steps);
    add_user(&steps, USER_ENTERS, "a post");
    add_user(&steps, USER_ENTERS, "another one");
    add_step(&steps, 0, &refused);
    add_user(&steps, USER_ENTERS, "/goto =20");
    error.error.code = ERROR_NO_SUCH_MESSAGE;
    add_step(&steps, 0, &error);
    buffer_append(&steps, "\xe4\x02\x05", 3);
    add_user(&steps, USER_ENTERS, "/edit other words");
    add_user(&steps, USER_ENTERS, "/delete =20");
    seeds_write("client_session", "story-unread", &steps);
    buffer_free(&steps);
}

static void write_client_seeds(void) {
    struct buffer steps = {0}, all = {0};
    char name[64];
    begin_client(&all);
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message = sample(&message_table[i]);
        if (message_table[i].sender == SENT_BY_CLIENT)
            continue;
        if (message_table[i].sender == SENT_AS_EVENT)
            message.event.id = CLIENT_NEWEST + 1 + i;
        begin_client(&steps);
        add_step(&steps, 0, &message);
        add_step(&all, 0, &message);
        seeds_write("client_session", message_table[i].name, &steps);
        make_hostile(&message);
        begin_client(&steps);
        add_step(&steps, 0, &message);
        snprintf(name, sizeof name, "hostile-%s", message_table[i].name);
        seeds_write("client_session", name, &steps);
    }
    seeds_write("client_session", "all", &all);
    for (size_t i = 0; i < command_count; i++) {
        char line[64];
        snprintf(line, sizeof line, "/%s bob", commands[i].name);
        begin_client(&steps);
        add_user(&steps, USER_ENTERS, line);
        add_keys(&steps);
        seeds_write("client_session", line + 1, &steps);
    }
    buffer_free(&steps);
    buffer_free(&all);
}

static void write_codec_seeds(void) {
    struct buffer frame = {0}, stream = {0};
    buffer_append(&stream, "\1\2\3\4\5\6\7\10", 8);
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message = sample(&message_table[i]);
        buffer_clear(&frame);
        message_encode(&frame, &message);
        buffer_append(&stream, frame.data, frame.size);
        struct buffer payload = {.data = frame.data + FRAME_HEAD, .size = frame.size - FRAME_HEAD};
        seeds_write("decode", message_table[i].name, &payload);
    }
    seeds_write("frame", "all", &stream);
    buffer_free(&frame);
    buffer_free(&stream);
}

static void write_command_seeds(void) {
    struct buffer line = {0};
    for (size_t i = 0; i < command_count; i++) {
        buffer_clear(&line);
        buffer_append_format(&line, "/%s\377/%s bob a text\377/%s #den", commands[i].name,
                             commands[i].name, commands[i].name);
        seeds_write("command", commands[i].name, &line);
    }
    buffer_free(&line);
}

int main(int argc, char **argv) {
    if (argc != 2)
        return EXIT_FAILURE;
    seeds_folder = argv[1];
    if (mkdir(seeds_folder, 0777) != 0 && errno != EEXIST)
        return EXIT_FAILURE;
    write_codec_seeds();
    write_command_seeds();
    write_server_seeds();
    write_server_stories();
    write_client_seeds();
    write_client_stories();
    return EXIT_SUCCESS;
}
