/* Searching, and opening what was found. */
#include "chat_parts.h"
#include "clock.h"
#include "name.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    CHAT_SEARCH_HITS = 20,
    CHAT_SEARCH_MILLISECONDS = 5000,
    CHAT_AMENDMENTS_MAX = 1 << 20 /* bytes, more than which are not kept for a search */
};

void chat_forget_search(struct chat *chat) {
    free(chat->search_line);
    chat->search_line = NULL;
    query_free(&chat->search);
    free(chat->hits);
    chat->hits = NULL;
    chat->hit_count = 0;
    chat_end_search(chat);
}

void chat_end_search(struct chat *chat) {
    chat->search_tag = 0;
    chat->amendments_lost = false;
    buffer_free(&chat->amendments);
    buffer_free(&chat->found);
}

/* The room that a search names, with or without its #; NULL after saying that there is none. */
static const struct room *chat_search_room(struct chat *chat, const char *name) {
    struct buffer marked = {0};
    buffer_append_format(&marked, "#%s", name);
    const struct room *room = model_room_named(chat->model, name_without_mark(name));
    if (room == NULL)
        room = model_room_named(chat->model, buffer_string(&marked));
    if (room == NULL)
        chat_notice(chat, "Not searched: you are not in %s.", name);
    buffer_free(&marked);
    return room;
}

/* Begins a new search; false, with the last one as it was, after saying what is wrong with it. */
static bool chat_begin_search(struct chat *chat, const char *line) {
    struct query query;
    const struct room *room = NULL;
    bool understood = query_parse(&query, line);
    if (!understood)
        chat_notice(chat, "Not searched: %s.", query.problem);
    else if (query.room[0] != '\0')
        understood = (room = chat_search_room(chat, query.room)) != NULL;
    if (!understood) {
        query_free(&query);
        return false;
    }
    chat_forget_search(chat);
    chat->search = query;
    chat->search_room = room != NULL ? room->number : 0;
    chat->search_before = PROTOCOL_END;
    chat->search_further = false;
    chat->search_line = chat_copy(line);
    return true;
}

/* Asks for the hits before search_before, so many. */
static void chat_ask_hits(struct chat *chat, size_t limit) {
    struct message search = {.type = MESSAGE_SEARCH};
    search.search.room = chat->search_room;
    search.search.before = chat->search_before;
    search.search.limit = (uint16_t)limit;
    search.search.words = wire_text(chat->search.words);
    search.search.from = wire_text(chat->search.from);
    search.search.since = chat->search.since;
    search.search.until = chat->search.until;
    chat->search_tag = chat_ask(chat, REQUEST_SEARCH, &search, 0, NULL);
}

void chat_stop_search(struct chat *chat) {
    chat->search_stopped = true;
}

void chat_search(struct chat *chat, const char *line) {
    if (chat->search_tag != 0) {
        chat_notice(chat, "A search is under way; its answer comes first.");
        return;
    }
    if (line[0] != '\0' && !chat_begin_search(chat, line)) {
        chat->failures++;
        return;
    }
    if (chat->search_line == NULL) {
        chat_notice(chat, "Say what to search for: /search WORDS");
        return;
    }
    chat->search_stopped = false;
    chat->search_told = false;
    chat->search_until = clock_monotonic() + CHAT_SEARCH_MILLISECONDS;
    chat_ask_hits(chat, CHAT_SEARCH_HITS);
}

void chat_keep_amendment(struct chat *chat, const struct message *event) {
    if (chat->search_tag == 0)
        return;
    if (chat->amendments.size < CHAT_AMENDMENTS_MAX)
        message_encode(&chat->amendments, event);
    else
        chat->amendments_lost = true;
}

/* Gives a hit the text that it was given since the search was asked for. */
static void chat_amend_hit(const struct chat *chat, struct message *hit) {
    struct wire_blob frames = {chat->amendments.data, chat->amendments.size};
    struct message event;
    while (news_next_event(&frames, &event)) {
        struct wire_text body = {0};
        bool edited = event.type == MESSAGE_EDITED;
        bool deleted = hit->message.amended != 0 && hit->message.body.size == 0;
        if (edited)
            body = event.edited.body;
        if (event_target(&event) != hit->event.id || deleted || (edited && body.size == 0))
            continue; /* what was deleted stays so, and what was superseded has no text */
        hit->message.body = body;
        hit->message.amended = event.event.time > 0 ? event.event.time : 1;
    }
}

static void chat_add_hit(struct chat *chat, const struct message *hit) {
    struct chat_place *hits = reallocarray(chat->hits, chat->hit_count + 1, sizeof *hits);
    if (hits == NULL)
        abort();
    chat->hits = hits;
    hits[chat->hit_count++] = (struct chat_place){hit->event.room, hit->event.id};
}

static void chat_show_hit(struct chat *chat, const struct message *hit, size_t number) {
    const struct room *room = model_room(chat->model, hit->event.room);
    if (chat->sink.notice != NULL)
        chat_notice(chat, "%llu %s %.*s: %.*s", (unsigned long long)hit->event.id,
                    room != NULL ? room->name : "?", PRINTED(hit->message.nick),
                    PRINTED(hit->message.body));
    else
        model_hit(chat->model, model_current(chat->model), hit, number);
}

/* Says how many there are, and how far back it looked when that was not all. */
static void chat_say_found(struct chat *chat, size_t count, bool more,
                           const struct message_hits *hits) {
    const bool partly = hits->looked_to != 0 && count < CHAT_SEARCH_HITS;
    char number[24] = "Nothing";
    char back[64] = "";
    time_t seconds = (time_t)(hits->looked_time / 1000);
    struct tm moment;
    if (count > 0)
        snprintf(number, sizeof number, "%zu", count);
    if (partly && hits->looked_time != 0 && localtime_r(&seconds, &moment) != NULL)
        strftime(back, sizeof back, " back to %Y-%m-%d %H:%M", &moment);
    else if (partly)
        snprintf(back, sizeof back, " back to message %llu", (unsigned long long)hits->looked_to);
    chat_notice(chat, "%s%s found%s for: %s%s", number, count == 0 && more ? " more" : "", back,
                chat->search_line,
                partly       ? "; /search looks further"
                : hits->more ? "; older ones with /search"
                             : "");
}

/* How far back it has looked; 0 when that is all there is, or when a server says that it has got
 * nowhere, of which there is no end. */
static uint64_t chat_looked_to(const struct chat *chat, const struct message_hits *hits) {
    return hits->looked_to < chat->search_before ? hits->looked_to : 0;
}

/* With nothing to be seen by, the answer is awaited however long it takes. */
static bool chat_search_goes_on(const struct chat *chat, uint64_t looked_to, size_t count) {
    return looked_to != 0 && count < CHAT_SEARCH_HITS &&
           (chat->sink.notice != NULL ||
            (!chat->search_stopped && clock_monotonic() < chat->search_until));
}

/* Takes the hits of all stretches apart; they point into `found`. */
static size_t chat_read_found(const struct chat *chat, struct message *found) {
    struct wire_blob frames = {chat->found.data, chat->found.size};
    size_t count = 0;
    while (count < CHAT_SEARCH_HITS && news_next_event(&frames, &found[count]))
        count++;
    return count;
}

/* Keeps the messages among what has come, as many as are still wanted. */
static void chat_keep_found(struct chat *chat, struct wire_blob frames) {
    struct message found[CHAT_SEARCH_HITS];
    struct message event;
    size_t count = chat_read_found(chat, found);
    while (count < CHAT_SEARCH_HITS && news_next_event(&frames, &event)) {
        if (event.type != MESSAGE_MESSAGE)
            continue;
        message_encode(&chat->found, &event);
        count++;
    }
    if (chat->found.failed)
        abort();
}

static void chat_ask_further(struct chat *chat, size_t count) {
    if (chat->sink.notice == NULL && !chat->search_told)
        chat_notice(chat, "Still looking for: %s", chat->search_line);
    chat->search_told = true;
    chat_ask_hits(chat, CHAT_SEARCH_HITS - count);
}

void chat_on_hits(struct chat *chat, const struct message_hits *hits) {
    struct message found[CHAT_SEARCH_HITS];
    const bool more = chat->search_further;
    const uint64_t looked_to = chat_looked_to(chat, hits);
    chat_keep_found(chat, hits->events);
    size_t count = chat_read_found(chat, found);
    if (looked_to != 0)
        chat->search_before = looked_to;
    else if (count > 0)
        chat->search_before = found[count - 1].event.id;
    /* What was deleted meanwhile must not be shown. */
    if (chat->amendments_lost) {
        chat_notice(chat, "Too much was changed during the search; search again: %s",
                    chat->search_line);
        chat_forget_search(chat); /* going on from here would pass over what was found */
        return;
    }
    if (chat_search_goes_on(chat, looked_to, count)) {
        chat_ask_further(chat, count);
        return;
    }
    chat->search_further = true;
    for (size_t i = 0; i < count; i++) {
        chat_amend_hit(chat, &found[i]);
        chat_add_hit(chat, &found[i]);
    }
    for (size_t i = count; i > 0; i--)
        chat_show_hit(chat, &found[i - 1], chat->hit_count - count + i);
    chat_say_found(chat, count, more, hits);
}

void chat_open_hit(struct chat *chat, size_t number) {
    if (number == 0 || number > chat->hit_count)
        chat_notice(chat, "The last search has no hit %zu.", number);
    else
        chat_goto(chat, chat->hits[number - 1].room, chat->hits[number - 1].id);
}
