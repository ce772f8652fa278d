#include "chat_parts.h"
#include "name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *chat_copy(const char *text) {
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    return copy;
}

bool chat_init(struct chat *chat, const char *start_room, const char *nick) {
    *chat = (struct chat){.link = LINK_CONNECTING};
    chat->link_why = chat_copy("");
    chat->model = model_new(start_room, nick);
    return chat->model != NULL;
}

void chat_free_request(struct chat_request *request) {
    free(request->text);
    free(request);
}

void chat_free(struct chat *chat) {
    while (chat->requests != NULL) {
        struct chat_request *next = chat->requests->next;
        chat_free_request(chat->requests);
        chat->requests = next;
    }
    chat_forget_search(chat);
    free(chat->draft);
    free(chat->key_file);
    free(chat->link_why);
    model_free(chat->model);
}

void chat_notice(struct chat *chat, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        abort();
    if (chat->sink.notice != NULL)
        chat->sink.notice(chat->sink.context, text);
    else
        model_notice(model_current(chat->model), "%s", text);
    free(text);
}

int chat_print_size(struct wire_text text) {
    return (int)(text.size < 2000 ? text.size : 2000);
}

uint32_t chat_ask(struct chat *chat, enum request_kind kind, struct message *message, uint32_t room,
                  char *text) {
    struct chat_request *request = malloc(sizeof *request);
    struct chat_request **end = &chat->requests;
    if (request == NULL)
        abort();
    *request = (struct chat_request){.tag = ++chat->next_tag, .kind = kind, .room = room};
    request->text = text;
    if (message->type == MESSAGE_ACT)
        request->right = (enum right)message->act.right;
    while (*end != NULL)
        end = &(*end)->next;
    *end = request;
    message->join.tag = request->tag; /* every request begins with its tag */
    if (net_request(chat->net, message))
        return request->tag;
    chat_free_request(chat_take_request(chat, request->tag));
    chat->failures++;
    chat_notice(chat, "Not sent: that is far too long.");
    return 0;
}

struct chat_request *chat_take_request(struct chat *chat, uint32_t tag) {
    for (struct chat_request **place = &chat->requests; *place != NULL; place = &(*place)->next) {
        struct chat_request *found = *place;
        if (found->tag != tag)
            continue;
        *place = found->next;
        return found;
    }
    return NULL;
}

/* Whether a text may be a message; says so when it is too long. */
static bool chat_check_size(struct chat *chat, struct wire_text body) {
    if (body.size <= BODY_BYTES_MAX)
        return true;
    chat_notice(chat, "Not sent: a message has at most %d bytes, this one has %zu.", BODY_BYTES_MAX,
                body.size);
    chat->failures++;
    return false;
}

/* Whether there is somebody to read it: nobody is in a room that one was put out of. */
static bool chat_check_room(struct chat *chat, const struct room *room, struct wire_text body) {
    if (!room->forsaken)
        return true;
    chat_notice(chat, "Not sent: you are not in %s; /join a room first. You wrote: %.*s",
                room->name, (int)body.size, body.data);
    chat->failures++;
    return false;
}

void chat_post(struct chat *chat, struct wire_text body) {
    const struct room *current = model_current(chat->model);
    uint32_t room = current->number;
    if (!chat_check_size(chat, body) || !chat_check_room(chat, current, body))
        return;
    model_post(chat->model, room, body);
    net_post(chat->net, room, body);
}

void chat_join(struct chat *chat, const char *name) {
    struct message join = {.type = MESSAGE_JOIN};
    const struct room *room = model_room_named(chat->model, name);
    if (room != NULL && room->number != 0 && chat->sink.message == NULL) {
        model_show(chat->model, room);
        return;
    }
    join.join.name = wire_text(name);
    chat_ask(chat, REQUEST_JOIN, &join, 0, NULL);
}

void chat_leave(struct chat *chat) {
    struct message leave = {.type = MESSAGE_LEAVE};
    leave.leave.room = model_current(chat->model)->number;
    chat_ask(chat, REQUEST_LEAVE, &leave, leave.leave.room, NULL);
}

void chat_direct(struct chat *chat, const char *nick, const char *text) {
    struct message direct = {.type = MESSAGE_DIRECT};
    direct.direct.nick = wire_text(name_without_mark(nick));
    chat_ask(chat, REQUEST_DIRECT, &direct, 0, text[0] != '\0' ? chat_copy(text) : NULL);
}

void chat_rename(struct chat *chat, const char *nick) {
    if (chat->link != LINK_ONLINE) {
        model_set_nick(chat->model, nick);
        net_rename(chat->net, nick);
        return;
    }
    struct message rename_to = {.type = MESSAGE_RENAME};
    rename_to.rename.nick = wire_text(nick);
    chat_ask(chat, REQUEST_RENAME, &rename_to, 0, chat_copy(nick));
}

void chat_set_topic(struct chat *chat, const char *topic) {
    struct message set = {.type = MESSAGE_SET_TOPIC};
    const struct room *room = model_current(chat->model);
    if (topic[0] == '\0') {
        chat_notice(chat, "Topic of %s: %s", room->name, room->topic[0] ? room->topic : "(none)");
        return;
    }
    set.set_topic.room = room->number;
    set.set_topic.topic = wire_text(topic);
    chat_ask(chat, REQUEST_TOPIC, &set, room->number, NULL);
}

void chat_ask_who(struct chat *chat, uint32_t room, enum request_kind kind) {
    struct message who = {.type = MESSAGE_WHO};
    who.who.room = room;
    chat_ask(chat, kind, &who, room, NULL);
}

void chat_who(struct chat *chat) {
    chat_ask_who(chat, model_current(chat->model)->number, REQUEST_WHO);
}

void chat_list(struct chat *chat) {
    struct message list = {.type = MESSAGE_LIST};
    chat_ask(chat, REQUEST_LIST, &list, 0, NULL);
}

/* The message that an edit or a deletion is about: by its number, the selected one, or one's own
 * newest. False after saying that there is none. */
static bool chat_find_target(struct chat *chat, uint64_t id, struct chat_place *target,
                             const struct line **line) {
    struct room *room = model_current(chat->model);
    *line = room->selected != NULL ? room->selected : model_own_newest(room);
    *target = (struct chat_place){room->number, id};
    if (id == 0 && room->selected == NULL && model_has_pending(chat->model, room)) {
        chat->failures++;
        chat_notice(chat,
                    "Your newest message here still waits to be sent. Alt-Up selects another.");
        return false;
    }
    if (id != 0)
        *line = model_find(chat->model, id, &target->room);
    else if (*line != NULL)
        *target = (struct chat_place){
            (*line)->kind == LINE_HIT ? (*line)->place.room : room->number, (*line)->id};
    room->selected = NULL;
    if (target->id != 0)
        return true;
    chat->failures++;
    chat_notice(chat, "There is no message of yours here. Alt-Up selects another.");
    return false;
}

/* Gives the message's present text to the input line, to be changed there. */
static void chat_draft_edit(struct chat *chat, uint64_t id, const struct line *line) {
    if (chat->sink.message != NULL) {
        chat->failures++;
        chat_notice(chat, "Say the new text: /edit =ID TEXT");
        return;
    }
    if (line == NULL || line->deleted || !line->own) {
        chat_notice(chat, line == NULL    ? "That message is not loaded here. /goto =ID shows it."
                          : line->deleted ? "What was deleted cannot be edited."
                                          : "That message is somebody else's.");
        return;
    }
    struct wire_text text = line_text(line);
    size_t heading = line->kind == LINE_HIT ? line->place.heading : 0;
    free(chat->draft);
    if (asprintf(&chat->draft, "/edit =%llu %.*s", (unsigned long long)id,
                 (int)(text.size - heading), text.data + heading) < 0)
        abort();
}

void chat_edit(struct chat *chat, uint64_t id, const char *text) {
    struct message edit = {.type = MESSAGE_EDIT};
    struct chat_place target;
    const struct line *line;
    if (!chat_find_target(chat, id, &target, &line))
        return;
    if (text[0] == '\0') {
        chat_draft_edit(chat, target.id, line);
        return;
    }
    if (!chat_check_size(chat, wire_text(text)))
        return;
    edit.edit.room = target.room;
    edit.edit.id = target.id;
    edit.edit.body = wire_text(text);
    chat_ask(chat, REQUEST_AMEND, &edit, target.room, NULL);
}

void chat_delete(struct chat *chat, uint64_t id) {
    struct message delete = {.type = MESSAGE_DELETE};
    struct chat_place target;
    const struct line *line;
    if (!chat_find_target(chat, id, &target, &line))
        return;
    delete.delete.room = target.room;
    delete.delete.id = target.id;
    chat_ask(chat, REQUEST_AMEND, &delete, target.room, NULL);
}

uint64_t chat_waiting(const struct chat *chat) {
    uint64_t last = chat->model->next_number - 1;
    return chat->own_seen < last ? last - chat->own_seen : 0;
}

bool chat_is_settled(const struct chat *chat) {
    return chat->own_seen_known && chat->joined && chat->start != 0 && chat->requests == NULL &&
           chat->model->pending == NULL && chat_waiting(chat) == 0;
}
