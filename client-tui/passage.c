#include "passage.h"

enum { PASSAGE_MESSAGES = 100 };

static void passage_ask(struct room *room, enum page_use use, struct message_history *wish) {
    wish->room = room->number;
    wish->limit = PASSAGE_MESSAGES;
    room->asked = use;
    room->wish = *wish;
    room->overtaken = false;
}

/* What lies before a run has ids below this. */
static uint64_t run_begin(const struct run *run) {
    return run->first != 0 ? run->first : PROTOCOL_END;
}

bool passage_older(struct room *room, struct message_history *wish) {
    const struct run *run = room_run(room);
    if (!run->more_before || room->asked != PAGE_NONE || room->stalled || room->number == 0)
        return false;
    *wish = (struct message_history){.before = run_begin(run), .newest = 1};
    passage_ask(room, PAGE_OLDER, wish);
    return true;
}

/* A passage that reaches into the live run needs no more pages: it goes as soon as all of its end
 * is there. */
static bool passage_overlaps(struct room *room) {
    if (room->live.first == 0 || room->past.last < room->live.first)
        return false;
    if (room->live.last >= room->past.last) {
        room_follow(room);
        passage_show(room, room->target);
    }
    return true;
}

bool passage_newer(struct room *room, struct message_history *wish) {
    if (!room->in_past || room->asked != PAGE_NONE || room->stalled)
        return false;
    if (passage_overlaps(room))
        return false;
    *wish = (struct message_history){.after = room->past.last, .before = run_begin(&room->live)};
    passage_ask(room, PAGE_NEWER, wish);
    return true;
}

void passage_around(struct room *room, uint64_t id, struct message_history *wish) {
    *wish = (struct message_history){.before = id < PROTOCOL_END ? id + 1 : id, .newest = 1};
    room->target = id;
    passage_ask(room, PAGE_AROUND, wish);
}

void passage_unread(struct room *room, struct message_history *wish) {
    *wish = (struct message_history){.after = room->read, .before = run_begin(&room->live)};
    passage_ask(room, PAGE_UNREAD, wish);
}

bool passage_show(struct room *room, uint64_t id) {
    size_t index = run_find(&room->live, id);
    if (index != RUN_NONE)
        room_follow(room);
    else
        index = run_find(&room->past, id);
    if (index == RUN_NONE)
        return false;
    room->selected = room_run(room)->lines[index];
    room->goal = GOAL_SELECTED;
    return true;
}

/* The passage has met the live run: one run of both, in which the reader stays where he is. */
static void passage_join(struct room *room) {
    run_append(&room->past, &room->live);
    room->live = room->past;
    room->past = (struct run){0};
    room->in_past = false;
}

/* Bounds the run that grew at one end, at the other. */
static void passage_trim(struct room *room, bool at_front) {
    struct run *run = room_run(room);
    size_t half = run->count / 2;
    if (run->count < ROOM_LINES_MAX || !room->in_past)
        return;
    size_t anchor = run_index(run, room->anchor);
    size_t selected = run_index(run, room->selected);
    if (at_front) {
        room->anchor = anchor < half ? NULL : room->anchor;
        room->selected = selected < half ? NULL : room->selected;
        run_drop_oldest(run, half);
    } else {
        room->anchor = anchor >= run->count - half ? NULL : room->anchor;
        room->selected = selected >= run->count - half ? NULL : room->selected;
        run_drop_newest(run, half);
    }
    if (room->anchor == NULL && run->count > 0)
        room->anchor = run->lines[at_front ? 0 : run->count - 1];
}

static void passage_add_older(struct room *room, struct run *lines, bool more) {
    struct run *run = room_run(room);
    /* The run may have been cut shorter while the page was under way. */
    if (room->wish.before != run_begin(run)) {
        run_free(lines);
        return;
    }
    run_prepend(run, lines);
    run->more_before = more;
    if (room->in_past)
        passage_trim(room, false);
    else
        room_trim(room);
}

static void passage_add_newer(struct room *room, struct run *lines, bool more) {
    run_append(&room->past, lines);
    /* The same holds for the live run. */
    if (!more && room->wish.before == run_begin(&room->live))
        passage_join(room);
    else
        passage_trim(room, true);
}

static void passage_begin(struct room *room, struct run *lines) {
    room_follow(room);
    room->selected = NULL;
    room->past = *lines;
    *lines = (struct run){0};
    room->in_past = true;
    if (room->past.count > 0)
        room->anchor = room->past.lines[room->past.count - 1];
}

static void passage_add_around(struct room *room, struct run *lines, bool more) {
    passage_begin(room, lines);
    room->past.more_before = more;
    if (!passage_show(room, room->target))
        room->selected = NULL;
}

static void passage_add_unread(struct room *room, struct run *lines, bool more) {
    passage_begin(room, lines);
    if (room->past.last != 0)
        run_cover(&room->past, room->wish.after + 1); /* ids of other rooms lie between */
    room->past.more_before = room->read > 0;
    if (!more && room->wish.before == run_begin(&room->live))
        passage_join(room);
}

static void (*const passage_adders[])(struct room *room, struct run *lines, bool more) = {
    [PAGE_OLDER] = passage_add_older,
    [PAGE_NEWER] = passage_add_newer,
    [PAGE_AROUND] = passage_add_around,
    [PAGE_UNREAD] = passage_add_unread,
};

static bool passage_awaits(const struct room *room, const struct message_history *wish) {
    return room->asked != PAGE_NONE && wish->after == room->wish.after &&
           wish->before == room->wish.before && wish->newest == room->wish.newest;
}

bool passage_is_overtaken(struct room *room, const struct message_history *wish) {
    bool overtaken = room->overtaken && passage_awaits(room, wish);
    if (overtaken)
        room->overtaken = false;
    return overtaken;
}

static enum page_use passage_close(struct room *room, const struct message_history *wish) {
    enum page_use use = room->asked;
    if (!passage_awaits(room, wish))
        return PAGE_NONE;
    room->asked = PAGE_NONE;
    return use;
}

enum page_use passage_take(struct room *room, const struct message_history *wish, struct run *lines,
                           bool more) {
    enum page_use use = passage_close(room, wish);
    /* A page that leads no further is the last, whatever the server says. */
    bool leads_on = wish->newest != 0 ? lines->first != 0 && lines->first < wish->before
                                      : lines->last > wish->after;
    if (use == PAGE_NONE)
        run_free(lines);
    else
        passage_adders[use](room, lines, more && leads_on);
    return use;
}

enum page_use passage_fail(struct room *room, const struct message_history *wish) {
    enum page_use use = passage_close(room, wish);
    room->stalled = room->stalled || use != PAGE_NONE;
    return use;
}
