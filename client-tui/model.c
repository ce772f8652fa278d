#include "model.h"
#include "clock.h"
#include "name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    model->nick = strdup(nick);
    if (model->nick == NULL)
        abort();
    model->next_number = 1; /* posts may be made before the outbox is open */
    model_add_room(model, room_new(0, ROOM_PUBLIC, wire_text(start_room)));
    return model;
}

void model_free(struct model *model) {
    model_stored(model, UINT64_MAX);
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

void model_show(struct model *model, const struct room *room) {
    struct room *before = model_current(model);
    if (before == room)
        return;
    before->marker = 0;
    before->selected = NULL;
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i] == room)
            model->current = i;
    model_current(model)->opened = false;
}

static void model_remove_room(struct model *model, size_t index) {
    room_free(model->rooms[index]);
    memmove(&model->rooms[index], &model->rooms[index + 1],
            (model->room_count - index - 1) * sizeof *model->rooms);
    model->room_count--;
    if (model->current > index || model->current == model->room_count)
        model->current--;
    model_current(model)->opened = false;
}

static void model_remove_forsaken(struct model *model) {
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i]->forsaken) {
            model_remove_room(model, i);
            return;
        }
}

struct room *model_announce(struct model *model, const struct message_room *message) {
    struct room *room = model_room(model, message->room);
    if (room == NULL) {
        char *name = strndup(message->name.data, message->name.size);
        if (name == NULL)
            abort();
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
    room_set_text(&room->name, message->name);
    room_set_text(&room->topic, message->topic);
    room->access = message->access;
    room->role = (enum role)message->role;
    room->as_of = message->position;
    room->told = message->unread == 0 ? message->position : message->read;
    room_set_unread(room, message->read, message->unread, message->position);
    room->forsaken = false;
    model_remove_forsaken(model);
    return room;
}

/* There is always one to be shown: the last one stays by its name, with nothing in it, until it is
 * joined again or another one is. */
static void model_empty_room(struct model *model) {
    const struct room *before = model->rooms[0];
    struct room *empty = room_new(0, before->kind, wire_text(before->name));
    empty->forsaken = true;
    room_free(model->rooms[0]);
    model->rooms[0] = empty;
}

void model_forget_room(struct model *model, uint32_t number) {
    if (model->room_count == 1 && model->rooms[0]->number == number) {
        model_empty_room(model);
        return;
    }
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i]->number == number) {
            model_remove_room(model, i);
            return;
        }
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

static void model_note_expelled(struct room *room, const struct message_acted *acted) {
    struct buffer text = {0};
    line_describe_act(&text, acted, "you");
    room_set_text(&room->expelled, (struct wire_text){(const char *)text.data, text.size});
    buffer_free(&text);
}

static unsigned model_access_of(struct wire_text words) {
    unsigned access = 0;
    if (memmem(words.data, words.size, "private", 7) != NULL)
        access |= ACCESS_PRIVATE;
    if (memmem(words.data, words.size, "read-only", 9) != NULL)
        access |= ACCESS_READ_ONLY;
    return access;
}

/* What the user's role is after an act that was done to them. */
static const struct {
    enum right right;
    enum role role;
} model_roles[] = {
    {RIGHT_MUTE, ROLE_MUTED},  {RIGHT_UNMUTE, ROLE_MEMBER},  {RIGHT_OP, ROLE_MODERATOR},
    {RIGHT_DEOP, ROLE_MEMBER}, {RIGHT_TRANSFER, ROLE_OWNER},
};

static void model_follow_act(struct model *model, struct room *room,
                             const struct message_acted *acted) {
    bool ends = acted->right == RIGHT_KICK || acted->right == RIGHT_BAN;
    if (ends)
        room_drop_nick(room, acted->subject_nick);
    if (acted->id <= room->as_of)
        return;
    if (acted->right == RIGHT_ACCESS)
        room->access = model_access_of(acted->detail);
    if (acted->right == RIGHT_TRANSFER && acted->actor == model->account)
        room->role = ROLE_MODERATOR;
    if (acted->subject != model->account)
        return;
    if (ends)
        model_note_expelled(room, acted);
    for (size_t i = 0; i < sizeof model_roles / sizeof *model_roles; i++)
        if ((unsigned)model_roles[i].right == acted->right)
            room->role = model_roles[i].role;
}

/* What an event changes besides adding a line. */
static void model_follow(struct model *model, struct room *room, const struct message *event,
                         bool fresh) {
    bool own = event->event.actor == model->account;
    if (event->type == MESSAGE_MESSAGE) {
        model_settle(model, &event->message);
        room_add_nick(room, event->message.nick);
    } else if (event->type == MESSAGE_JOINED) {
        room_add_nick(room, event->joined.nick);
    } else if (event->type == MESSAGE_LEFT) {
        room_drop_nick(room, event->left.nick);
    } else if (event->type == MESSAGE_ACTED) {
        model_follow_act(model, room, &event->acted);
    } else if (event->type == MESSAGE_TOPIC_SET && fresh) {
        room_set_text(&room->topic, event->topic_set.topic);
    } else if (event->type == MESSAGE_RENAMED) {
        room_drop_nick(room, event->renamed.nick);
        room_add_nick(room, event->renamed.new_nick);
        if (own && fresh)
            room_set_text(&model->nick, event->renamed.new_nick);
        else if (room->kind == ROOM_DIRECT && fresh)
            room_set_text(&room->name, event->renamed.new_nick);
    }
}

/* Rings for a message that is meant for the reader. */
static void model_ring(struct model *model, const struct room *room, const struct line *line) {
    if (line->kind == LINE_MESSAGE && !line->own && line->id > room->read &&
        (line->mention || room->kind == ROOM_DIRECT))
        model->bells++;
}

/* An edit or a deletion changes the message, and the search results that show it, in all rooms. */
static void model_amend(struct model *model, const struct message *event) {
    for (size_t i = 0; i < model->room_count; i++)
        room_amend(model->rooms[i], event, model->nick);
}

static void model_append_event(struct model *model, struct room *room, const struct message *event,
                               bool first) {
    struct line *line = line_of_event(event, model->account, model->nick);
    model_follow(model, room, event, true);
    if (event_target(event) != 0)
        model_amend(model, event);
    run_cover(&room->live, event->event.id);
    if (line == NULL)
        return;
    if (!first) {
        room_count(room, line);
        model_ring(model, room, line);
    }
    room_push(room, line);
}

void model_append(struct model *model, const struct news *news) {
    struct room *room = model_room(model, news->room);
    struct wire_blob frames = news->frames;
    struct message event;
    if (room == NULL)
        return;
    struct run notices = {0};
    if (news->reset) {
        room_clear(room);
        notices = room->live;
        room->live = (struct run){.more_before = news->more};
        room->begun = true;
    }
    while (news_next_event(&frames, &event))
        model_append_event(model, room, &event, news->reset);
    if (!news->reset)
        return;
    run_append(&room->live, &notices);
    room_recount(room);
}

void model_read_page(const struct model *model, struct wire_blob frames, struct run *lines) {
    struct message event;
    while (news_next_event(&frames, &event)) {
        struct line *line = line_of_event(&event, model->account, model->nick);
        run_cover(lines, event.event.id);
        if (line != NULL)
            run_push(lines, line);
    }
}

void model_forget_log(struct model *model) {
    struct room *room = model_current(model);
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i] != room)
            room_free(model->rooms[i]);
    model->rooms[0] = room;
    model->room_count = 1;
    model->current = 0;
    room_clear(room);
    room->begun = false;
    room->read = 0;
    room->counted = 0;
    room->unread = 0;
    room->mentions = 0;
}

void model_notice(struct room *room, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        abort();
    const struct event_head head = {.time = clock_wall()};
    room_push(room, line_new(LINE_NOTICE, &head, (struct wire_text){0},
                             (struct wire_text){text, (size_t)size}));
    room->noted = room->in_past || room->anchor != NULL;
    free(text);
}

void model_warn(struct model *model) {
    const struct run *live = &model_current(model)->live;
    if (live->count > 0 && live->lines[live->count - 1]->kind == LINE_NOTICE)
        live->lines[live->count - 1]->warning = true;
    model->bells++;
}

void model_hit(struct model *model, struct room *room, const struct message *event, size_t number) {
    const struct room *place = model_room(model, event->event.room);
    struct buffer heading = {0};
    buffer_append_format(&heading, "[%zu] %s  ", number, place != NULL ? place->name : "?");
    room_push(room, line_of_hit(event, buffer_string(&heading)));
    buffer_free(&heading);
}

static const struct line *run_find_message(const struct run *run, uint64_t id, uint32_t room,
                                           uint32_t *number) {
    for (size_t i = run->count; i > 0; i--) {
        const struct line *line = run->lines[i - 1];
        if (line->id != id || (line->kind != LINE_MESSAGE && line->kind != LINE_HIT))
            continue;
        *number = line->kind == LINE_HIT ? line->place.room : room;
        return line;
    }
    return NULL;
}

const struct line *model_find(const struct model *model, uint64_t id, uint32_t *number) {
    for (size_t i = 0; i < model->room_count && id != 0; i++) {
        const struct room *room = model->rooms[i];
        const struct line *line = run_find_message(&room->live, id, room->number, number);
        if (line == NULL)
            line = run_find_message(&room->past, id, room->number, number);
        if (line != NULL)
            return line;
    }
    return NULL;
}

const struct line *model_own_newest(const struct room *room) {
    for (size_t i = room->live.count; i > 0; i--) {
        const struct line *line = room->live.lines[i - 1];
        if (line->kind == LINE_MESSAGE && line->own && !line->deleted)
            return line;
    }
    return NULL;
}

void model_reset_outbox(struct model *model, const struct news *news) {
    model_stored(model, news->not_taken - 1); /* those in the outbox are told of anew */
    model->outbox = news->outbox;
    model->next_number = news->number;
    for (struct pending *pending = model->pending; pending != NULL; pending = pending->next)
        pending->number = model->next_number++;
}

void model_add_pending(struct model *model, uint64_t number, uint32_t room, struct wire_text text) {
    struct pending *pending = malloc(sizeof *pending + text.size);
    struct pending **end = &model->pending;
    if (pending == NULL)
        abort();
    *pending = (struct pending){.number = number, .room = room, .size = text.size};
    if (text.size > 0)
        memcpy(pending->text, text.data, text.size);
    while (*end != NULL && (*end)->number < number)
        end = &(*end)->next;
    pending->next = *end;
    *end = pending;
}

bool model_pending_is_in(const struct model *model, const struct pending *pending,
                         const struct room *room) {
    return pending->room == room->number ||
           (room->number == 0 && model_room(model, pending->room) == NULL);
}

bool model_has_pending(const struct model *model, const struct room *room) {
    for (const struct pending *each = model->pending; each != NULL; each = each->next)
        if (model_pending_is_in(model, each, room))
            return true;
    return false;
}

void model_post(struct model *model, uint32_t room, struct wire_text text) {
    struct room *place = model_room(model, room);
    if (place != NULL) {
        place->marker = 0;
        place->opened = true; /* at its end */
        room_follow(place);
    }
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
    room_set_text(&model->nick, wire_text(nick));
}
