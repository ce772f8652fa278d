#include "room.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_NICKS_MAX = 500 };

static char *text_copy(struct wire_text text) {
    char *copy = malloc(text.size + 1);
    if (copy == NULL)
        abort();
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

void room_set_text(char **place, struct wire_text text) {
    char *copy = text_copy(text);
    free(*place);
    *place = copy;
}

struct room *room_new(uint32_t number, enum room_kind kind, struct wire_text name) {
    struct room *room = calloc(1, sizeof *room);
    if (room == NULL)
        abort();
    room->number = number;
    room->kind = kind;
    room->name = text_copy(name);
    room->topic = text_copy(wire_text(""));
    return room;
}

void room_free(struct room *room) {
    run_free(&room->live);
    run_free(&room->past);
    for (size_t i = 0; i < room->nick_count; i++)
        free(room->nicks[i]);
    free(room->nicks);
    free(room->name);
    free(room->topic);
    free(room->expelled);
    free(room);
}

struct run *room_run(struct room *room) {
    return room->in_past ? &room->past : &room->live;
}

const struct run *room_run_shown(const struct room *room) {
    return room->in_past ? &room->past : &room->live;
}

void room_follow(struct room *room) {
    if (room->in_past)
        room->selected = NULL;
    if (room->in_past || room->asked == PAGE_AROUND || room->asked == PAGE_UNREAD)
        room->asked = PAGE_NONE;
    run_free(&room->past);
    room->in_past = false;
    room->anchor = NULL;
    room->anchor_hidden = 0;
    room->goal = GOAL_NONE;
    room->noted = false;
}

void room_clear(struct room *room) {
    struct run past = room->past;
    room->past = (struct run){0};
    room_follow(room);
    run_keep_notices(&past);
    run_keep_notices(&room->live);
    run_prepend(&room->live, &past);
    room->selected = NULL;
    room->asked = PAGE_NONE;
    room->marker = 0;
    room->opened = false;
}

void room_trim(struct room *room) {
    struct run *live = &room->live;
    size_t half = live->count / 2;
    if (live->count < ROOM_LINES_MAX)
        return;
    size_t selected = room->in_past ? RUN_NONE : run_index(live, room->selected);
    bool reads_older =
        !room->in_past && room->anchor != NULL && run_index(live, room->anchor) < half;
    if (reads_older) {
        room->past = run_split(live, half);
        room->in_past = true;
    } else {
        run_drop_oldest(live, half);
    }
    if (selected != RUN_NONE && (selected < half) != reads_older)
        room->selected = NULL;
}

void room_push(struct room *room, struct line *line) {
    run_push(&room->live, line);
    room_trim(room);
}

static void room_replace(struct room *room, struct run *run, size_t index, struct line *line) {
    struct line *old = run->lines[index];
    if (room->anchor == old) {
        room->anchor = line;
        room->anchor_hidden = 0; /* it may have fewer rows now */
    }
    if (room->selected == old)
        room->selected = line;
    run->lines[index] = line;
    free(old);
}

static void run_amend(struct room *room, struct run *run, size_t index, const struct message *event,
                      const char *nick) {
    struct line *line = line_amended(run->lines[index], event, nick);
    if (line != NULL)
        room_replace(room, run, index, line);
}

static void room_amend_hits(struct room *room, struct run *run, uint64_t target,
                            const struct message *event, const char *nick) {
    for (size_t i = 0; i < run->count; i++)
        if (run->lines[i]->kind == LINE_HIT && run->lines[i]->id == target)
            run_amend(room, run, i, event, nick);
}

/* The page under way may have been read before the event. */
static void room_note_overtaken(struct room *room, const struct message *event, uint64_t target) {
    if (room->asked != PAGE_NONE && event->event.room == room->number &&
        target > room->wish.after && target < room->wish.before)
        room->overtaken = true;
}

void room_amend(struct room *room, const struct message *event, const char *nick) {
    uint64_t target = event_target(event);
    struct run *const runs[] = {&room->live, &room->past};
    room_note_overtaken(room, event, target);
    for (size_t i = 0; i < 2; i++) {
        size_t index = event->event.room == room->number ? run_find(runs[i], target) : RUN_NONE;
        if (index != RUN_NONE && runs[i]->lines[index]->kind == LINE_MESSAGE)
            run_amend(room, runs[i], index, event, nick);
        room_amend_hits(room, runs[i], target, event, nick);
    }
}

void room_add_nick(struct room *room, struct wire_text nick) {
    size_t place = room->nick_count;
    char *moved = NULL;
    if (room->nicks == NULL)
        room->nicks = calloc(ROOM_NICKS_MAX, sizeof(char *));
    if (room->nicks == NULL)
        abort();
    while (place > 0 && !wire_text_equal(wire_text(room->nicks[place - 1]), nick))
        place--;
    if (place > 0) {
        moved = room->nicks[--place];
    } else {
        moved = text_copy(nick);
        if (room->nick_count == ROOM_NICKS_MAX)
            free(room->nicks[0]);
        else
            place = room->nick_count++;
    }
    memmove(&room->nicks[place], &room->nicks[place + 1],
            (room->nick_count - 1 - place) * sizeof(char *));
    room->nicks[room->nick_count - 1] = moved;
}

void room_drop_nick(struct room *room, struct wire_text nick) {
    room_add_nick(room, nick);
    free(room->nicks[--room->nick_count]);
}

bool room_covers(const struct room *room, uint64_t id) {
    return room->begun && (!room->live.more_before || room->live.first <= id);
}

static bool is_news(const struct line *line) {
    return line->kind == LINE_MESSAGE && !line->own;
}

/* A message that is meant for the reader. */
static bool is_for_reader(const struct room *room, const struct line *line) {
    return line->mention || room->kind == ROOM_DIRECT;
}

void room_recount(struct room *room) {
    const struct run *live = &room->live;
    unsigned unread = 0, mentions = 0;
    for (size_t i = live->count; i > 0; i--) {
        const struct line *line = live->lines[i - 1];
        if (line_event(line) != 0 && line->id <= room->read)
            break;
        unread += is_news(line);
        mentions += is_news(line) && is_for_reader(room, line);
    }
    room->mentions = mentions;
    if (!room_covers(room, room->read))
        return;
    room->unread = unread;
    room->counted = room->live.last;
}

void room_set_unread(struct room *room, uint64_t read, unsigned unread, uint64_t counted) {
    /* Nothing unread up to there is the same as all read up to there. */
    if (unread == 0 && counted > read)
        read = counted;
    if (read < room->read)
        return;
    room->read = read;
    room->unread = unread;
    /* While events still come the count may reach beyond those that are here. */
    if (counted > room->counted)
        room->counted = counted;
    room_recount(room);
}

void room_read(struct room *room, uint64_t id) {
    if (id <= room->read)
        return;
    unsigned passed = run_count_messages(room_run(room), room->read, id);
    room->read = id;
    room->unread -= passed < room->unread ? passed : room->unread;
    room_recount(room);
}

void room_count(struct room *room, const struct line *line) {
    if (!is_news(line) || line->id <= room->read)
        return;
    room->mentions += is_for_reader(room, line);
    room->unread += line->id > room->counted;
}

void room_set_marker(struct room *room) {
    const struct run *run = room_run(room);
    room->marker = 0;
    for (size_t i = run->count; i > 0; i--) {
        const struct line *line = run->lines[i - 1];
        if (line_event(line) != 0 && line->id <= room->read)
            break;
        if (is_news(line))
            room->marker = line->id;
    }
    room->marker_count = room->unread;
    if (room->marker != 0)
        room->goal = GOAL_MARKER;
}
