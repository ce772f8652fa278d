#include "chat.h"
#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAT_SEARCH_HITS = 20 };

static char *chat_copy(const char *text) {
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

static void request_free(struct chat_request *request) {
    free(request->text);
    free(request);
}

void chat_free(struct chat *chat) {
    while (chat->requests != NULL) {
        struct chat_request *next = chat->requests->next;
        request_free(chat->requests);
        chat->requests = next;
    }
    free(chat->search_words);
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
        model_notice(chat->model, model_current(chat->model), "%s", text);
    free(text);
}

static int print_size(struct wire_text text) {
    return (int)(text.size < 2000 ? text.size : 2000);
}

/* ## as arguments of a format with "%.*s" */
#define PRINTED(text) print_size(text), (text).size > 0 ? (text).data : ""

/* Sends a request, whose answer will be met by `kind`. Takes over `text`. */
static void chat_ask(struct chat *chat, enum request_kind kind, struct message *message,
                     uint32_t room, char *text) {
    struct chat_request *request = malloc(sizeof *request);
    struct chat_request **end = &chat->requests;
    if (request == NULL)
        abort();
    *request = (struct chat_request){.tag = ++chat->next_tag, .kind = kind, .room = room};
    request->text = text;
    while (*end != NULL)
        end = &(*end)->next;
    *end = request;
    message->join.tag = request->tag; /* every request begins with its tag */
    net_request(chat->net, message);
}

static struct chat_request *chat_take_request(struct chat *chat, uint32_t tag) {
    for (struct chat_request **place = &chat->requests; *place != NULL; place = &(*place)->next) {
        struct chat_request *found = *place;
        if (found->tag != tag)
            continue;
        *place = found->next;
        return found;
    }
    return NULL;
}

void chat_post(struct chat *chat, struct wire_text body) {
    uint32_t room = model_current(chat->model)->number;
    if (body.size > BODY_BYTES_MAX) {
        chat_notice(chat, "Not sent: a message has at most %d bytes, this one has %zu.",
                    BODY_BYTES_MAX, body.size);
        chat->failures++;
        return;
    }
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
    direct.direct.nick = wire_text(nick);
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

static void chat_ask_who(struct chat *chat, uint32_t room, enum request_kind kind) {
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

void chat_search(struct chat *chat, const char *words) {
    struct message search = {.type = MESSAGE_SEARCH};
    if (words[0] != '\0') {
        free(chat->search_words);
        chat->search_words = chat_copy(words);
        chat->search_before = PROTOCOL_END;
    }
    if (chat->search_words == NULL) {
        chat_notice(chat, "Say what to search for: /search WORDS");
        return;
    }
    search.search.before = chat->search_before;
    search.search.limit = CHAT_SEARCH_HITS;
    search.search.words = wire_text(chat->search_words);
    chat_ask(chat, REQUEST_SEARCH, &search, 0, NULL);
}

void chat_older(struct chat *chat, struct room *room) {
    uint64_t oldest = 0;
    for (size_t i = 0; i < room->count && oldest == 0; i++)
        oldest = room->lines[i]->id;
    if (!room->more || room->asked_older || room->number == 0)
        return;
    room->asked_older = true;
    net_older(chat->net, room->number, oldest != 0 ? oldest : PROTOCOL_END);
}

static void chat_on_link(struct chat *chat, const struct news *news) {
    /* While it tries again, why it has to is still worth knowing. */
    if (news->link_state != LINK_CONNECTING) {
        free(chat->link_why);
        chat->link_why = strndup(news->text.size > 0 ? news->text.data : "", news->text.size);
        if (chat->link_why == NULL)
            abort();
    }
    chat->link = news->link_state;
    chat->retry_at = clock_monotonic() + news->milliseconds;
    if (news->link_state == LINK_WAITING && chat->sink.notice != NULL)
        chat_notice(chat, "%s%s", chat->link_why, chat->own_seen_known ? "; trying again" : "");
    if (news->link_state != LINK_REFUSED)
        return;
    chat->failures++;
    if (news->code == ERROR_NICK_TAKEN && news->suggestion.size > 0)
        chat_notice(chat, "The nick %s is taken. Free is %.*s:\n/nick %.*s", chat->model->nick,
                    PRINTED(news->suggestion), PRINTED(news->suggestion));
    else if (news->code == ERROR_NICK_TAKEN || news->code == ERROR_NICK_INVALID)
        chat_notice(chat, "%s: %.*s. Choose another: /nick NAME", chat->model->nick,
                    PRINTED(news->text));
    else
        chat_notice(chat, "The server refused: %.*s. Try again: /reconnect", PRINTED(news->text));
}

static void chat_tell_sink(struct chat *chat, const struct news *news) {
    struct wire_blob frames = news->frames;
    struct message event;
    const struct room *room = model_room(chat->model, news->room);
    while (room != NULL && news_next_event(&frames, &event))
        if (event.type == MESSAGE_MESSAGE)
            chat->sink.message(chat->sink.context, room, &event.message,
                               news->reset && room->number != chat->start);
}

static void chat_on_events(struct chat *chat, const struct news *news) {
    struct wire_blob frames = news->frames;
    struct message event;
    while (news_next_event(&frames, &event))
        if (event.type == MESSAGE_MESSAGE && event.message.outbox == chat->model->outbox &&
            event.message.actor == chat->model->account && event.message.number > chat->own_seen)
            chat->own_seen = event.message.number;
    model_append(chat->model, news);
    /* The room shown is the start room until that has come. */
    if (news->reset && chat->start == 0 && news->room == model_current(chat->model)->number)
        chat->start = news->room;
    if (chat->sink.message != NULL)
        chat_tell_sink(chat, news);
}

static void chat_on_refused(struct chat *chat, const struct news *news) {
    struct pending *refused = model_refused(chat->model, news->number);
    chat->failures++;
    if (refused == NULL)
        return;
    chat_notice(chat, "Not sent: %.*s. You wrote: %.*s", PRINTED(news->text),
                PRINTED(((struct wire_text){refused->text, refused->size})));
    free(refused);
}

static void chat_on_stored(struct chat *chat, const struct news *news) {
    if (!chat->own_seen_known)
        chat->own_seen = news->number;
    chat->own_seen_known = true;
    model_stored(chat->model, news->number);
}

static void chat_on_room(struct chat *chat, const struct message_room *message) {
    struct chat_request *request = chat_take_request(chat, message->tag);
    struct room *room = model_announce(chat->model, message);
    chat->joined = chat->joined || model_room(chat->model, 0) == NULL;
    if (!room->asked_who && chat->sink.message == NULL) {
        room->asked_who = true;
        chat_ask_who(chat, room->number, REQUEST_WHO_QUIETLY);
    }
    if (request == NULL)
        return;
    model_show(chat->model, room);
    if (request->text != NULL)
        chat_post(chat, wire_text(request->text));
    request_free(request);
}

/* A list of texts, joined by blanks. */
static char *chat_join_texts(struct wire_texts texts) {
    struct buffer joined = {0};
    for (struct wire_text text; wire_texts_next(&texts, &text);) {
        buffer_append_string(&joined, joined.size > 0 ? "  " : "");
        buffer_append(&joined, text.data, text.size);
    }
    char *result = chat_copy(buffer_string(&joined));
    buffer_free(&joined);
    return result;
}

static void chat_on_people(struct chat *chat, const struct chat_request *request,
                           const struct message_people *people) {
    struct room *room = model_room(chat->model, people->room);
    struct wire_texts nicks = people->nicks;
    if (room == NULL)
        return;
    for (struct wire_text nick; wire_texts_next(&nicks, &nick);)
        model_add_nick(room, nick);
    if (request->kind == REQUEST_WHO_QUIETLY)
        return;
    char *joined = chat_join_texts(people->nicks);
    chat_notice(chat, "%u of %u members of %s are here: %s%s", people->online, people->members,
                room->name, joined, people->next != 0 ? "  …" : "");
    free(joined);
}

static void chat_on_rooms(struct chat *chat, const struct message_rooms *rooms) {
    char *joined = chat_join_texts(rooms->names);
    chat_notice(chat, "Rooms: %s%s", joined, rooms->next != 0 ? "  …" : "");
    free(joined);
}

static void chat_show_hit(struct chat *chat, const struct message *hit) {
    const struct room *room = model_room(chat->model, hit->event.room);
    if (chat->sink.notice != NULL)
        chat_notice(chat, "%llu %s %.*s: %.*s", (unsigned long long)hit->event.id,
                    room != NULL ? room->name : "?", PRINTED(hit->message.nick),
                    PRINTED(hit->message.body));
    else
        model_hit(chat->model, model_current(chat->model), hit);
}

static void chat_on_hits(struct chat *chat, const struct message_hits *hits) {
    struct message found[CHAT_SEARCH_HITS];
    struct wire_blob frames = hits->events;
    size_t count = 0;
    while (count < CHAT_SEARCH_HITS && news_next_event(&frames, &found[count]))
        count += found[count].type == MESSAGE_MESSAGE;
    if (count == 0) {
        chat_notice(chat, "Nothing%s found for: %s",
                    chat->search_before == PROTOCOL_END ? "" : " more", chat->search_words);
        return;
    }
    for (size_t i = count; i > 0; i--)
        chat_show_hit(chat, &found[i - 1]);
    chat->search_before = found[count - 1].event.id;
    chat_notice(chat, "%zu found for: %s%s", count, chat->search_words,
                hits->more ? "; older ones with /search" : "");
}

static void chat_on_error(struct chat *chat, const struct chat_request *request,
                          const struct message_error *error) {
    if (request != NULL && request->kind == REQUEST_WHO_QUIETLY)
        return;
    chat->failures += request != NULL; /* others are only told */
    if (error->suggestion.size > 0)
        chat_notice(chat, "%.*s. Free is: %.*s", PRINTED(error->reason),
                    PRINTED(error->suggestion));
    else
        chat_notice(chat, "%.*s", PRINTED(error->reason));
}

static void chat_on_done(struct chat *chat, const struct chat_request *request) {
    if (request->kind == REQUEST_RENAME && request->text != NULL) {
        model_set_nick(chat->model, request->text);
        net_rename(chat->net, request->text);
    }
}

static void chat_on_gone(struct chat *chat, uint32_t number) {
    const struct room *room = model_room(chat->model, number);
    if (room == NULL)
        return;
    if (chat->model->room_count == 1) {
        chat_notice(chat, "You left %s. /join another room to go on.", room->name);
        return;
    }
    model_forget_room(chat->model, number);
}

static void chat_on_welcome(struct chat *chat, const struct message_welcome *welcome) {
    char *nick = strndup(welcome->nick.data, welcome->nick.size);
    if (nick == NULL)
        abort();
    chat->model->account = welcome->account;
    model_set_nick(chat->model, nick);
    free(nick);
}

/* The answers that end a request; every one begins with its tag. */
static void chat_on_tagged(struct chat *chat, const struct message *message) {
    struct chat_request *request = chat_take_request(chat, message->done.tag);
    if (message->type == MESSAGE_ERROR)
        chat_on_error(chat, request, &message->error);
    else if (request == NULL)
        return;
    else if (message->type == MESSAGE_PEOPLE)
        chat_on_people(chat, request, &message->people);
    else if (message->type == MESSAGE_ROOMS)
        chat_on_rooms(chat, &message->rooms);
    else if (message->type == MESSAGE_HITS)
        chat_on_hits(chat, &message->hits);
    else if (message->type == MESSAGE_DONE)
        chat_on_done(chat, request);
    if (request != NULL)
        request_free(request);
}

static void chat_on_answer(struct chat *chat, const struct message *message) {
    if (message->type == MESSAGE_WELCOME)
        chat_on_welcome(chat, &message->welcome);
    else if (message->type == MESSAGE_ROOM)
        chat_on_room(chat, &message->room);
    else if (message->type == MESSAGE_GONE)
        chat_on_gone(chat, message->gone.room);
    else
        chat_on_tagged(chat, message);
}

void chat_apply(struct chat *chat, const struct news *news) {
    switch (news->kind) {
    case NEWS_LINK:
        chat_on_link(chat, news);
        break;
    case NEWS_OUTBOX:
        model_reset_outbox(chat->model, news->outbox, news->number);
        chat->own_seen_known = false;
        break;
    case NEWS_PENDING:
        model_add_pending(chat->model, news->number, news->room, news->text);
        break;
    case NEWS_EVENTS:
        chat_on_events(chat, news);
        break;
    case NEWS_OLDER:
        model_prepend(chat->model, news);
        break;
    case NEWS_STORED:
        chat_on_stored(chat, news);
        break;
    case NEWS_REFUSED:
        chat_on_refused(chat, news);
        break;
    case NEWS_ANSWER:
        chat_on_answer(chat, &news->message);
        break;
    }
}

bool chat_is_settled(const struct chat *chat) {
    return chat->own_seen_known && chat->joined && chat->start != 0 && chat->requests == NULL &&
           chat->model->pending == NULL && chat->own_seen + 1 >= chat->model->next_number;
}
