/* Where the person is in the history of the rooms: going to a place, and how far it was read. */
#include "chat_parts.h"
#include "clock.h"
#include "passage.h"

#include <stdlib.h>

enum { CHAT_TELL_MILLISECONDS = 1000 };

bool chat_older(struct chat *chat, struct room *room) {
    struct message_history wish;
    bool wanted = passage_older(room, &wish);
    if (wanted)
        net_history(chat->net, &wish);
    return wanted;
}

bool chat_newer(struct chat *chat, struct room *room) {
    struct message_history wish;
    bool wanted = passage_newer(room, &wish);
    if (wanted)
        net_history(chat->net, &wish);
    return wanted;
}

void chat_goto(struct chat *chat, uint32_t number, uint64_t id) {
    struct room *room = model_room(chat->model, number);
    struct message_history wish;
    if (room == NULL) {
        chat_notice(chat, "You are not in that room any more.");
        return;
    }
    model_show(chat->model, room);
    room->opened = true; /* here, and not where the reading ended */
    if (passage_show(room, id))
        return;
    passage_around(room, id, &wish);
    net_history(chat->net, &wish);
}

/* What is unread is loaded: the room opens there. */
static void chat_open_unread(struct room *room) {
    room_set_marker(room);
    /* The server counts one's own among the unread: what is behind them comes next. */
    if (room->marker == 0 && room->in_past)
        room_read(room, room->past.last);
    room->opened = room->marker != 0 || !room->in_past || room->unread == 0;
    if (room->opened && room->marker == 0)
        room_follow(room);
}

static void chat_on_no_page(struct chat *chat, struct room *room, const struct news *news) {
    enum page_use use = passage_fail(room, &news->wish);
    if (use == PAGE_AROUND)
        chat_notice(chat, "That place could not be fetched from the server.");
}

void chat_on_page(struct chat *chat, const struct news *news) {
    struct room *room = model_room(chat->model, news->room);
    struct run lines = {0};
    if (room == NULL)
        return;
    if (news->failed) {
        chat_on_no_page(chat, room, news);
        return;
    }
    if (passage_is_overtaken(room, &news->wish)) {
        net_history(chat->net, &news->wish);
        return;
    }
    model_read_page(chat->model, news->frames, &lines);
    enum page_use use = passage_take(room, &news->wish, &lines, news->more);
    if (use == PAGE_UNREAD)
        chat_open_unread(room);
    if (use != PAGE_AROUND || room->selected != NULL)
        return;
    room_follow(room);
    chat_notice(chat, "There is no message %llu in this room.", (unsigned long long)room->target);
}

void chat_settle_room(struct chat *chat) {
    struct room *room = model_current(chat->model);
    struct message_history wish;
    if (room->opened || room->stalled || !room->begun || chat->link != LINK_ONLINE)
        return;
    if (room->unread == 0) {
        room->opened = true;
    } else if (room_covers(room, room->read)) {
        room_follow(room);
        chat_open_unread(room);
    } else if (room->asked != PAGE_UNREAD) {
        passage_unread(room, &wish);
        net_history(chat->net, &wish);
    }
}

bool chat_first_unread(struct chat *chat) {
    struct room *room = model_current(chat->model);
    if (room->marker == 0 && room->unread == 0)
        return false;
    if (run_find(room_run(room), room->marker) != RUN_NONE)
        room->goal = GOAL_MARKER;
    else if (room->marker != 0)
        chat_goto(chat, room->number, room->marker);
    else
        room->opened = false;
    return true;
}

void chat_note_read(struct chat *chat, uint64_t id) {
    struct room *room = model_current(chat->model);
    /* A place that is shown with unread messages before it is not where the reading goes on. */
    bool apart = room->in_past && room->past.more_before && room->past.first > room->read + 1;
    if (room->opened && !apart)
        room_read(room, id);
}

int chat_tell_read(struct chat *chat, bool all) {
    uint64_t now = clock_monotonic();
    int patience = -1;
    for (size_t i = 0; i < chat->model->room_count && chat->link == LINK_ONLINE; i++) {
        struct room *room = chat->model->rooms[i];
        if (room->read <= room->told || room->number == 0)
            continue;
        uint64_t due = room->told_at + CHAT_TELL_MILLISECONDS;
        if (all || room->told_at == 0 || now >= due) {
            net_tell_read(chat->net, room->number, room->read);
            room->told = room->read;
            room->told_at = now;
        } else if (patience < 0 || (int)(due - now) < patience) {
            patience = (int)(due - now);
        }
    }
    return patience;
}
