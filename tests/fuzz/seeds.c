/* seeds FOLDER: writes a first corpus into FOLDER/TARGET, from the tables of the protocol and of
 * the commands, so that the fuzzer knows every message and command there is. */
#include "commands.h"
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
        switch (field->type) {
        case FIELD_u8:
            *(uint8_t *)place = 0;
            break;
        case FIELD_u16:
            *(uint16_t *)place = 1;
            break;
        case FIELD_u32:
            *(uint32_t *)place = 1;
            break;
        case FIELD_u64:
            *(uint64_t *)place = 1;
            break;
        case FIELD_text:
            *(struct wire_text *)place = wire_text(is_room ? "#den" : "alice");
            break;
        case FIELD_blob:
            *(struct wire_blob *)place = (struct wire_blob){NULL, 0};
            break;
        case FIELD_texts:
            *(struct wire_texts *)place = (struct wire_texts){texts, sizeof texts, 2};
            break;
        }
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

/* A step of server_session.c or client_session.c: who, a size, the payload. */
static void add_step(struct buffer *steps, uint8_t who, const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    wire_put_u8(steps, who);
    wire_put_text(
        steps, (struct wire_text){(const char *)frame.data + FRAME_HEAD, frame.size - FRAME_HEAD});
    buffer_free(&frame);
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
        struct message act = {.type = MESSAGE_ACT};
        struct message join = {.type = MESSAGE_JOIN};
        char name[32];
        snprintf(name, sizeof name, "right-%u", right);
        join.join.name = wire_text("#den");
        act.act.right = (uint8_t)right;
        act.act.room = 2;
        act.act.subject = wire_text("bob");
        act.act.detail = wire_text("open");
        begin_server(&steps);
        add_step(&steps, 0x80, &join);
        add_step(&steps, 0x81, &join);
        add_step(&steps, 0x80, &act);
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

/* A client that was welcomed and is in the lobby, whose first page has come. */
static void begin_client(struct buffer *steps) {
    struct message welcome = sample(message_find(MESSAGE_WELCOME));
    struct message room = sample(message_find(MESSAGE_ROOM));
    struct message page = sample(message_find(MESSAGE_PAGE));
    struct message message = sample(message_find(MESSAGE_MESSAGE));
    struct buffer events = {0};
    message_encode(&events, &message);
    buffer_clear(steps);
    welcome.welcome.up_to = 0;
    welcome.welcome.rooms = 0;
    room.room.name = wire_text("#lobby");
    room.room.tag = (1 << 30) + 1;
    page.page.tag = (1 << 30) + 2;
    page.page.events = (struct wire_blob){events.data, events.size};
    add_step(steps, 0, &welcome);
    add_step(steps, 0, &room);
    add_step(steps, 0, &page);
    buffer_free(&events);
}

static void write_client_seeds(void) {
    struct buffer steps = {0}, all = {0};
    begin_client(&all);
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message = sample(&message_table[i]);
        if (message_table[i].sender == SENT_BY_CLIENT)
            continue;
        if (message_table[i].sender == SENT_AS_EVENT)
            message.event.id = 2 + i;
        begin_client(&steps);
        add_step(&steps, 0, &message);
        add_step(&all, 0, &message);
        seeds_write("client_session", message_table[i].name, &steps);
    }
    seeds_write("client_session", "all", &all);
    for (size_t i = 0; i < command_count; i++) {
        char line[64];
        snprintf(line, sizeof line, "/%s bob", commands[i].name);
        begin_client(&steps);
        add_user(&steps, 101, line);
        for (uint8_t key = 0; key < 28; key++)
            wire_put_u8(&steps, 0x80 | key);
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
    write_client_seeds();
    return EXIT_SUCCESS;
}
