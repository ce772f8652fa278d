#include "model.h"
#include "clock.h"
#include "name.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MODEL_NICKS_MAX = 500 };

static char *text_copy(struct wire_text text) {
    char *copy = malloc(text.size + 1);
    if (copy == NULL)
        abort();
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static void *model_grow(void *array, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity)
        return array;
    *capacity = *capacity > 0 ? *capacity * 2 : 16;
    void *grown = reallocarray(array, *capacity, size);
    if (grown == NULL)
        abort();
    return grown;
}

static struct room *room_new(uint32_t number, enum room_kind kind, struct wire_text name) {
    struct room *room = calloc(1, sizeof *room);
    if (room == NULL)
        abort();
    room->number = number;
    room->kind = kind;
    room->name = text_copy(name);
    room->topic = text_copy(wire_text(""));
    return room;
}

static void room_clear(struct room *room) {
    for (size_t i = 0; i < room->count; i++)
        free(room->lines[i]);
    room->count = 0;
    room->anchor = NULL;
    room->anchor_hidden = 0;
    room->new_below = 0;
}

static void room_free(struct room *room) {
    room_clear(room);
    for (size_t i = 0; i < room->nick_count; i++)
        free(room->nicks[i]);
    free(room->nicks);
    free(room->lines);
    free(room->name);
    free(room->topic);
    free(room);
}

static void model_add_room(struct model *model, struct room *room) {
    struct room **rooms = reallocarray(model->rooms, model->room_count + 1, sizeof *rooms);
    if (rooms == NULL)
        abort();
    model->rooms = rooms;
    model->rooms[model->room_count++] = room;
}

struct model *model_new(const char *start_room, const char *nick) {
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return NULL;
    model->nick = text_copy(wire_text(nick));
    model->next_number = 1;
    model_add_room(model, room_new(0, ROOM_PUBLIC, wire_text(start_room)));
    return model;
}

void model_free(struct model *model) {
    model_reset_outbox(model, 0, 0);
    for (size_t i = 0; i < model->room_count; i++)
        room_free(model->rooms[i]);
    free(model->rooms);
    free(model->nick);
    free(model);
}

struct room *model_current(const struct model *model) {
    return model->rooms[model->current];
}

struct room *model_room(const struct model *model, uint32_t number) {
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i]->number == number)
            return model->rooms[i];
    return NULL;
}

static bool names_agree(const char *a, const char *b) {
    struct name first, second;
    bool rooms = name_room(wire_text(a), &first) && name_room(wire_text(b), &second);
    bool nicks = !rooms && name_nick(wire_text(a), &first) && name_nick(wire_text(b), &second);
    return strcmp(a, b) == 0 || ((rooms || nicks) && strcmp(first.folded, second.folded) == 0);
}

struct room *model_room_named(const struct model *model, const char *name) {
    for (size_t i = 0; i < model->room_count; i++)
        if (names_agree(model->rooms[i]->name, name))
            return model->rooms[i];
    return NULL;
}

static void room_was_read(struct room *room) {
    room->unread = 0;
    room->mentions = 0;
}

void model_show(struct model *model, const struct room *room) {
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i] == room)
            model->current = i;
    room_was_read(model_current(model));
}

static void replace_text(char **place, struct wire_text text) {
    char *copy = text_copy(text);
    free(*place);
    *place = copy;
}

struct room *model_announce(struct model *model, const struct message_room *message) {
    struct room *room = model_room(model, message->room);
    if (room == NULL) {
        char *name = text_copy(message->name);
        room = message->kind == ROOM_PUBLIC ? model_room_named(model, name) : NULL;
        free(name);
    }
    if (room == NULL) {
        room = room_new(message->room, (enum room_kind)message->kind, message->name);
        model_add_room(model, room);
    }
    if (room->number == 0)
        for (struct pending *pending = model->pending; pending != NULL; pending = pending->next)
            if (pending->room == 0)
                pending->room = message->room;
    room->number = message->room;
    room->kind = (enum room_kind)message->kind;
    replace_text(&room->name, message->name);
    replace_text(&room->topic, message->topic);
    return room;
}

void model_forget_room(struct model *model, uint32_t number) {
    for (size_t i = 0; i < model->room_count; i++) {
        if (model->rooms[i]->number != number || model->room_count == 1)
            continue;
        room_free(model->rooms[i]);
        memmove(&model->rooms[i], &model->rooms[i + 1],
                (model->room_count - i - 1) * sizeof *model->rooms);
        model->room_count--;
        if (model->current > i || model->current == model->room_count)
            model->current--;
        room_was_read(model_current(model));
        return;
    }
}

struct wire_text line_nick(const struct line *line) {
    return (struct wire_text){line->bytes, line->nick_size};
}

struct wire_text line_text(const struct line *line) {
    return (struct wire_text){line->bytes + line->nick_size, line->text_size};
}

static struct line *line_new(enum line_kind kind, const struct event_head *head,
                             struct wire_text nick, struct wire_text text) {
    struct line *line = malloc(sizeof *line + nick.size + text.size);
    if (line == NULL)
        abort();
    *line = (struct line){.id = head->id,
                          .time = head->time,
                          .kind = (uint8_t)kind,
                          .nick_size = (uint16_t)nick.size,
                          .text_size = (uint32_t)text.size};
    if (nick.size > 0)
        memcpy(line->bytes, nick.data, nick.size);
    if (text.size > 0)
        memcpy(line->bytes + nick.size, text.data, text.size);
    return line;
}

/* A byte that may be part of a nick. */
static bool is_nick_byte(unsigned char byte) {
    return isalnum(byte) || byte >= 0x80 || byte == '-' || byte == '_';
}

bool model_mentions(struct wire_text text, const char *nick) {
    size_t size = strlen(nick);
    for (size_t i = 0; size > 0 && i + size <= text.size; i++) {
        bool starts = i == 0 || !is_nick_byte((unsigned char)text.data[i - 1]);
        bool ends = i + size == text.size || !is_nick_byte((unsigned char)text.data[i + size]);
        if (starts && ends && strncasecmp(text.data + i, nick, size) == 0)
            return true;
    }
    return false;
}

void model_add_nick(struct room *room, struct wire_text nick) {
    size_t place = room->nick_count;
    char *moved = NULL;
    if (room->nicks == NULL)
        room->nicks = calloc(MODEL_NICKS_MAX, sizeof(char *));
    if (room->nicks == NULL)
        abort();
    while (place > 0 && !wire_text_equal(wire_text(room->nicks[place - 1]), nick))
        place--;
    if (place > 0) {
        moved = room->nicks[--place];
    } else {
        moved = text_copy(nick);
        if (room->nick_count == MODEL_NICKS_MAX)
            free(room->nicks[0]);
        else
            place = room->nick_count++;
    }
    memmove(&room->nicks[place], &room->nicks[place + 1],
            (room->nick_count - 1 - place) * sizeof(char *));
    room->nicks[room->nick_count - 1] = moved;
}

static void room_drop_nick(struct room *room, struct wire_text nick) {
    model_add_nick(room, nick);
    free(room->nicks[--room->nick_count]);
}

/* An event's line: who did what, in words. */
static struct line *line_of_happening(const struct message *event, struct wire_text nick,
                                      const char *what, struct wire_text detail) {
    struct buffer text = {0};
    buffer_append(&text, nick.data, nick.size);
    buffer_append_string(&text, what);
    buffer_append(&text, detail.data, detail.size);
    struct line *line = line_new(LINE_EVENT, &event->event, (struct wire_text){0},
                                 (struct wire_text){(const char *)text.data, text.size});
    buffer_free(&text);
    return line;
}

static struct line *line_of_message(const struct model *model, const struct message *event) {
    struct line *line =
        line_new(LINE_MESSAGE, &event->event, event->message.nick, event->message.body);
    line->own = event->event.actor == model->account;
    line->mention = !line->own && model_mentions(event->message.body, model->nick);
    return line;
}

/* The line of an event; NULL when it has none. */
static struct line *line_of_event(const struct model *model, const struct message *event) {
    const struct wire_text nothing = {0};
    switch ((int)event->type) {
    case MESSAGE_MESSAGE:
        return line_of_message(model, event);
    case MESSAGE_JOINED:
        return line_of_happening(event, event->joined.nick, " joined", nothing);
    case MESSAGE_LEFT:
        return line_of_happening(event, event->left.nick, " left", nothing);
    case MESSAGE_TOPIC_SET:
        return line_of_happening(event, event->topic_set.nick,
                                 " set the topic: ", event->topic_set.topic);
    case MESSAGE_ROOM_MADE:
        return line_of_happening(event, event->room_made.nick, " made the room", nothing);
    case MESSAGE_RENAMED:
        return line_of_happening(event, event->renamed.nick, " is now ", event->renamed.new_nick);
    default:
        return NULL;
    }
}

static void room_push(struct room *room, struct line *line) {
    room->lines = model_grow(room->lines, &room->capacity, room->count, sizeof *room->lines);
    room->lines[room->count++] = line;
}

/* Drops the older half when there are too many, while nobody reads there. */
static void room_trim(struct room *room) {
    if (room->count < MODEL_LINES_MAX || room->anchor != NULL)
        return;
    size_t drop = room->count / 2;
    for (size_t i = 0; i < drop; i++)
        free(room->lines[i]);
    memmove(room->lines, room->lines + drop, (room->count - drop) * sizeof *room->lines);
    room->count -= drop;
    room->more = true;
}

/* Removes the pending post that came back as an event. */
static void model_settle(struct model *model, const struct message_message *message) {
    if (message->outbox != model->outbox || message->actor != model->account)
        return;
    for (struct pending **place = &model->pending; *place != NULL; place = &(*place)->next) {
        if ((*place)->number != message->number)
            continue;
        struct pending *settled = *place;
        *place = settled->next;
        free(settled);
        return;
    }
}

/* What an event changes besides adding a line. */
static void model_follow(struct model *model, struct room *room, const struct message *event,
                         bool fresh) {
    bool own = event->event.actor == model->account;
    if (event->type == MESSAGE_MESSAGE) {
        model_settle(model, &event->message);
        model_add_nick(room, event->message.nick);
    } else if (event->type == MESSAGE_JOINED) {
        model_add_nick(room, event->joined.nick);
    } else if (event->type == MESSAGE_LEFT) {
        room_drop_nick(room, event->left.nick);
    } else if (event->type == MESSAGE_TOPIC_SET && fresh) {
        replace_text(&room->topic, event->topic_set.topic);
    } else if (event->type == MESSAGE_RENAMED) {
        room_drop_nick(room, event->renamed.nick);
        model_add_nick(room, event->renamed.new_nick);
        if (own && fresh)
            replace_text(&model->nick, event->renamed.new_nick);
        else if (room->kind == ROOM_DIRECT && fresh)
            replace_text(&room->name, event->renamed.new_nick);
    }
}

/* Counts a new message as unread, or as new below when its reader is further up. */
static void model_count(struct model *model, struct room *room, const struct line *line) {
    if (line->kind != LINE_MESSAGE || line->own)
        return;
    bool mention = line->mention || room->kind == ROOM_DIRECT;
    if (room->anchor != NULL)
        room->new_below++;
    if (mention)
        model->bells++;
    if (room == model_current(model))
        return;
    room->unread++;
    room->mentions += mention;
}

void model_append(struct model *model, const struct news *news) {
    struct room *room = model_room(model, news->room);
    struct wire_blob frames = news->frames;
    struct message event;
    if (room == NULL)
        return;
    if (news->reset) {
        room_clear(room);
        room->more = news->more;
    }
    while (news_next_event(&frames, &event)) {
        struct line *line = line_of_event(model, &event);
        model_follow(model, room, &event, true);
        if (line == NULL)
            continue;
        room_push(room, line);
        if (!news->reset)
            model_count(model, room, line);
    }
    room_trim(room);
}

void model_prepend(struct model *model, const struct news *news) {
    struct room *room = model_room(model, news->room);
    struct wire_blob frames = news->frames;
    struct message event;
    size_t older = 0;
    if (room == NULL)
        return;
    room->asked_older = false;
    room->more = news->more;
    /* Lines are added at the end first and then moved to the front, all at once. */
    size_t before = room->count;
    while (news_next_event(&frames, &event)) {
        struct line *line = line_of_event(model, &event);
        if (line == NULL)
            continue;
        room_push(room, line);
        older++;
    }
    struct line **moved = reallocarray(NULL, older + 1, sizeof *moved);
    if (moved == NULL)
        abort();
    memcpy(moved, room->lines + before, older * sizeof *moved);
    memmove(room->lines + older, room->lines, before * sizeof *moved);
    memcpy(room->lines, moved, older * sizeof *moved);
    free(moved);
}

void model_notice(struct model *model, struct room *room, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    (void)model;
    if (size < 0)
        abort();
    const struct event_head head = {.time = clock_wall()};
    room_push(room, line_new(LINE_NOTICE, &head, (struct wire_text){0},
                             (struct wire_text){text, (size_t)size}));
    free(text);
}

void model_hit(struct model *model, struct room *room, const struct message *event) {
    struct buffer text = {0};
    const struct room *place = model_room(model, event->event.room);
    buffer_append_format(&text, "%s  ", place != NULL ? place->name : "?");
    buffer_append(&text, event->message.body.data, event->message.body.size);
    struct event_head head = event->event;
    head.id = 0;
    room_push(room, line_new(LINE_HIT, &head, event->message.nick,
                             (struct wire_text){(const char *)text.data, text.size}));
    buffer_free(&text);
}

void model_reset_outbox(struct model *model, uint64_t outbox, uint64_t next_number) {
    while (model->pending != NULL) {
        struct pending *next = model->pending->next;
        free(model->pending);
        model->pending = next;
    }
    model->outbox = outbox;
    model->next_number = next_number;
}

void model_add_pending(struct model *model, uint64_t number, uint32_t room, struct wire_text text) {
    struct pending *pending = malloc(sizeof *pending + text.size);
    struct pending **end = &model->pending;
    if (pending == NULL)
        abort();
    *pending = (struct pending){.number = number, .room = room, .size = text.size};
    if (text.size > 0)
        memcpy(pending->text, text.data, text.size);
    while (*end != NULL)
        end = &(*end)->next;
    *end = pending;
}

void model_post(struct model *model, uint32_t room, struct wire_text text) {
    model_add_pending(model, model->next_number++, room, text);
}

void model_stored(struct model *model, uint64_t up_to) {
    while (model->pending != NULL && model->pending->number <= up_to) {
        struct pending *next = model->pending->next;
        free(model->pending);
        model->pending = next;
    }
}

struct pending *model_refused(struct model *model, uint64_t number) {
    struct pending **place = &model->pending;
    while (*place != NULL && (*place)->number != number)
        place = &(*place)->next;
    struct pending *refused = *place;
    if (refused == NULL)
        return NULL;
    *place = refused->next;
    for (struct pending *later = *place; later != NULL; later = later->next)
        later->number--;
    model->next_number--;
    return refused;
}

void model_set_nick(struct model *model, const char *nick) {
    replace_text(&model->nick, wire_text(nick));
}
