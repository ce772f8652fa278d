/* What the network thread tells, a function a kind. */
#include "chat_parts.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>

/* What to do about a refusal that does not say it itself; about any other, to try again. */
static const struct {
    unsigned code;
    const char *advice;
} refusal_advices[] = {
    {ERROR_KEY_REMOVED,
     " Another device of yours can let it in again: /device add there, and begin "
     "here with --code CODE. To be somebody new, move the file of your key away."},
    {ERROR_WOULD_LOSE_ACCOUNT, ""},
    {ERROR_NO_KEYS, ""},
    {ERROR_NEEDS_TLS, ""},
    {ERROR_CODE_INVALID, ""},
    {ERROR_NEEDS_INVITATION, ""},
    {ERROR_NEEDS_KEY, ""},
};

static const char *refusal_advice(unsigned code) {
    for (size_t i = 0; i < sizeof refusal_advices / sizeof *refusal_advices; i++)
        if (refusal_advices[i].code == code)
            return refusal_advices[i].advice;
    return " Try again: /reconnect";
}

static void chat_on_refused_nick(struct chat *chat, const struct news *news) {
    const char *nick = chat->model->nick;
    bool owned = news->code == ERROR_NICK_OWNED;
    bool free_one = news->suggestion.size > 0;
    if (owned)
        chat_notice(chat,
                    "The nick %s belongs to somebody else. If that is you: /device add on "
                    "your other device gives a code; begin here with --code CODE.",
                    nick);
    if (owned && free_one)
        chat_notice(chat, "Else choose another, such as %.*s:\n/nick %.*s",
                    PRINTED(news->suggestion), PRINTED(news->suggestion));
    else if (free_one)
        chat_notice(chat, "The nick %s is taken. Free is %.*s:\n/nick %.*s", nick,
                    PRINTED(news->suggestion), PRINTED(news->suggestion));
    else if (!owned)
        chat_notice(chat, "%s: %.*s. Choose another: /nick NAME", nick, PRINTED(news->text));
}

/* The server does not want us as we are. */
static void chat_on_refusal(struct chat *chat, const struct news *news) {
    chat->failures++;
    if (news->code == ERROR_NICK_OWNED || news->code == ERROR_NICK_TAKEN ||
        news->code == ERROR_NICK_INVALID)
        chat_on_refused_nick(chat, news);
    else if (news->code == ERROR_NONE) {
        chat_notice(chat, "%.*s\nThen: /reconnect", PRINTED(news->text));
        model_warn(chat->model);
    } else
        chat_notice(chat, "The server refused: %.*s.%s", PRINTED(news->text),
                    refusal_advice(news->code));
}

static void chat_on_link(struct chat *chat, const struct news *news) {
    /* While it tries again, why it has to is still worth knowing. */
    bool other = false;
    if (news->link_state != LINK_CONNECTING) {
        other = chat->link_why == NULL || !wire_text_equal(wire_text(chat->link_why), news->text);
        free(chat->link_why);
        chat->link_why = strndup(news->text.size > 0 ? news->text.data : "", news->text.size);
        if (chat->link_why == NULL)
            abort();
    }
    chat->link = news->link_state;
    for (size_t i = 0; i < chat->model->room_count && chat->link == LINK_ONLINE; i++)
        chat->model->rooms[i]->stalled = false;
    chat->retry_at = clock_monotonic() + news->milliseconds;
    if (news->link_state == LINK_WAITING && chat->sink.notice != NULL)
        chat_notice(chat, "%s%s", chat->link_why, chat->welcomed ? "; trying again" : "");
    /* Who has not been in yet gets all of it: the status line may have no room for the advice. */
    else if (news->link_state == LINK_WAITING && !chat->welcomed && other)
        chat_notice(chat, "%s.", chat->link_why);
    if (news->link_state != LINK_REFUSED)
        return;
    chat_on_refusal(chat, news);
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
    while (news_next_event(&frames, &event)) {
        if (event.type == MESSAGE_MESSAGE && event.message.outbox == chat->model->outbox &&
            event.message.actor == chat->model->account && event.message.number > chat->own_seen)
            chat->own_seen = event.message.number;
        if (event_target(&event) != 0)
            chat_keep_amendment(chat, &event);
    }
    model_append(chat->model, news);
    /* The room shown is the start room until that has come. */
    if (news->reset && chat->start == 0 && news->room == model_current(chat->model)->number)
        chat->start = news->room;
    if (chat->sink.message != NULL)
        chat_tell_sink(chat, news);
}

/* Why it may not be said there, as far as the room tells; else what the server says. */
static struct wire_text chat_why_silent(const struct chat *chat, const struct news *news,
                                        const struct pending *refused) {
    const struct room *room = model_room(chat->model, refused->room);
    if (news->code == ERROR_NOT_ALLOWED && room != NULL && room->role == ROLE_MUTED)
        return wire_text("you are muted here");
    if (news->code == ERROR_NOT_ALLOWED && room != NULL && (room->access & ACCESS_READ_ONLY))
        return wire_text("only moderators speak in a read-only room");
    return news->text;
}

static void chat_on_refused(struct chat *chat, const struct news *news) {
    struct pending *refused = model_refused(chat->model, news->number);
    chat->failures++;
    if (refused == NULL)
        return;
    const struct wire_text why = chat_why_silent(chat, news, refused);
    chat_notice(chat, "Not sent: %.*s. You wrote: %.*s", PRINTED(why),
                PRINTED(((struct wire_text){refused->text, refused->size})));
    free(refused);
}

static void chat_on_outbox(struct chat *chat, const struct news *news) {
    chat->welcomed = chat->welcomed || chat->model->outbox != 0;
    model_reset_outbox(chat->model, news);
    chat->own_seen = 0;
    chat->own_seen_known = false;
}

static void chat_on_stored(struct chat *chat, const struct news *news) {
    if (!chat->own_seen_known)
        chat->own_seen = news->number;
    chat->own_seen_known = true;
    chat->welcomed = true;
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
    chat_free_request(request);
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
        room_add_nick(room, nick);
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

static void chat_on_error(struct chat *chat, const struct chat_request *request,
                          const struct message_error *error) {
    if (request != NULL && request->kind == REQUEST_WHO_QUIETLY)
        return;
    chat->failures += request != NULL; /* others are only told */
    if (error->suggestion.size > 0)
        chat_notice(chat, "%.*s. Free is: %.*s", PRINTED(error->reason),
                    PRINTED(error->suggestion));
    else
        chat_notice(chat, "%.*s%s", PRINTED(error->reason),
                    error->code == ERROR_NOT_ALLOWED ? "; /help rights says who may" : "");
}

static void chat_on_done(struct chat *chat, const struct chat_request *request) {
    if (request->kind == REQUEST_RENAME && request->text != NULL) {
        model_set_nick(chat->model, request->text);
        net_rename(chat->net, request->text);
    } else if (request->kind == REQUEST_ACT) {
        chat_on_act_done(chat, request);
    }
}

static void chat_on_gone(struct chat *chat, uint32_t number) {
    const struct room *room = model_room(chat->model, number);
    if (room == NULL)
        return;
    struct buffer why = {0};
    buffer_append_format(&why, "%s", room->expelled != NULL ? room->expelled : "You left it");
    buffer_append_format(&why, " (%s).", room->name);
    bool told = room->expelled != NULL || chat->model->room_count == 1;
    model_forget_room(chat->model, number);
    if (told)
        chat_notice(chat, "%s%s", buffer_string(&why),
                    model_current(chat->model)->number == 0 ? " /join a room to go on." : "");
    buffer_free(&why);
}

static void chat_on_invitation(struct chat *chat, const struct message_invitation *invitation) {
    if (invitation->nick.size > 0)
        chat_notice(chat, "%.*s invites you to %.*s: /join %.*s", PRINTED(invitation->nick),
                    PRINTED(invitation->name), PRINTED(invitation->name));
    else
        chat_notice(chat, "You are invited to %.*s: /join %.*s", PRINTED(invitation->name),
                    PRINTED(invitation->name));
}

static void chat_on_seen(struct chat *chat, const struct message_seen *seen) {
    struct room *room = model_room(chat->model, seen->room);
    if (room == NULL)
        return;
    if (seen->id > room->told)
        room->told = seen->id;
    room_set_unread(room, seen->id, seen->unread, room->live.last);
}

/* What was shown is of a log that is not there any more. */
static void chat_on_other_log(struct chat *chat, const struct message_welcome *welcome) {
    bool restored = chat->server == welcome->server;
    model_forget_log(chat->model);
    chat_forget_search(chat);
    chat_notice(chat, "%s",
                restored ? "The server was put back from a backup: what was said since "
                           "that was made is not in its history."
                         : "This is another server than before.");
}

static void chat_on_welcome(struct chat *chat, const struct message_welcome *welcome) {
    char *nick = strndup(welcome->nick.data, welcome->nick.size);
    if (nick == NULL)
        abort();
    bool first = chat->server == 0;
    if (!first && (chat->server != welcome->server || chat->epoch != welcome->epoch))
        chat_on_other_log(chat, welcome);
    chat->server = welcome->server;
    chat->epoch = welcome->epoch;
    chat->model->account = welcome->account;
    model_set_nick(chat->model, nick);
    free(nick);
    /* For a person to know: a pipe has a sink, and no use for it. */
    bool person = chat->sink.notice == NULL;
    if (first && person && welcome->standing == STANDING_OWNER && welcome->up_to == 0)
        chat_notice(chat, "This server is yours. Who else is let in, you say: /help admit.");
}

static void chat_on_result(struct chat *chat, const struct chat_request *request,
                           const struct message *message) {
    if (message->type == MESSAGE_PEOPLE)
        chat_on_people(chat, request, &message->people);
    else if (message->type == MESSAGE_ROOMS)
        chat_on_rooms(chat, &message->rooms);
    else if (message->type == MESSAGE_HITS && request->kind == REQUEST_SEARCH)
        chat_on_hits(chat, &message->hits);
    else if (message->type == MESSAGE_CODE)
        chat_on_code(chat, request, &message->code);
    else if (message->type == MESSAGE_DONE)
        chat_on_done(chat, request);
}

/* The answers that end a request; every one begins with its tag. That to a search of another log is
 * passed over. */
static void chat_on_tagged(struct chat *chat, const struct message *message) {
    struct chat_request *request = chat_take_request(chat, message->done.tag);
    bool search = request != NULL && request->kind == REQUEST_SEARCH;
    bool wanted = !search || request->tag == chat->search_tag;
    if (wanted && message->type == MESSAGE_ERROR)
        chat_on_error(chat, request, &message->error);
    else if (wanted && request != NULL)
        chat_on_result(chat, request, message);
    /* Unless it goes on with a further stretch. */
    if (search && request->tag == chat->search_tag)
        chat_end_search(chat);
    if (request != NULL)
        chat_free_request(request);
}

static void chat_on_slow(struct chat *chat, const struct message_slow *slow) {
    static const char *const acts[] = {"messages",         "changes",  "searches",
                                       "pages of history", "requests", "new rooms"};
    chat_notice(chat, "The server lets you wait: too many %s at once. Nothing is lost.",
                slow->act < sizeof acts / sizeof *acts ? acts[slow->act] : "requests");
}

static void chat_on_answer(struct chat *chat, const struct message *message) {
    if (message->type == MESSAGE_WELCOME)
        chat_on_welcome(chat, &message->welcome);
    else if (message->type == MESSAGE_ROOM)
        chat_on_room(chat, &message->room);
    else if (message->type == MESSAGE_GONE)
        chat_on_gone(chat, message->gone.room);
    else if (message->type == MESSAGE_SEEN)
        chat_on_seen(chat, &message->seen);
    else if (message->type == MESSAGE_INVITATION)
        chat_on_invitation(chat, &message->invitation);
    else if (message->type == MESSAGE_SLOW)
        chat_on_slow(chat, &message->slow);
    else if (message->type == MESSAGE_DEVICE)
        chat_on_device(chat, &message->device);
    else
        chat_on_tagged(chat, message);
}

void chat_apply(struct chat *chat, const struct news *news) {
    switch (news->kind) {
    case NEWS_LINK:
        chat_on_link(chat, news);
        break;
    case NEWS_OUTBOX:
        chat_on_outbox(chat, news);
        break;
    case NEWS_PENDING:
        model_add_pending(chat->model, news->number, news->room, news->text);
        break;
    case NEWS_EVENTS:
        chat_on_events(chat, news);
        break;
    case NEWS_PAGE:
        chat_on_page(chat, news);
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
