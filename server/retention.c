#include "retention.h"
#include "amend.h"
#include "frame.h"
#include "options.h"
#include "protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETENTION_SEGMENTS_MAX = 200 }; /* a step: short enough for posts to wait behind */

static const struct {
    char letter;
    uint64_t milliseconds;
} retention_units[] = {
    {'s', 1000},     {'m', 60000},     {'h', 3600000},
    {'d', 86400000}, {'w', 604800000}, {'y', 31536000000},
};

bool retention_parse(const char *text, struct retention *retention) {
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *retention = (struct retention){0};
    if (errno != 0 || text[0] < '0' || text[0] > '9' || number == 0)
        return false;
    if (*end == '\0') {
        retention->messages = number;
        return true;
    }
    for (size_t i = 0; i < sizeof retention_units / sizeof *retention_units; i++)
        if (*end == retention_units[i].letter && end[1] == '\0' &&
            number <= INT64_MAX / retention_units[i].milliseconds) {
            retention->milliseconds = number * retention_units[i].milliseconds;
            return true;
        }
    return false;
}

/* What a segment holds, as far as retention wants to know. */
static void segment_measure(const struct stored_segment *segment, uint64_t *messages,
                            uint64_t *newest_time) {
    struct wire_reader frames = {segment->frames.data, segment->frames.data + segment->frames.size};
    struct wire_blob payload;
    struct message event;
    *messages = 0;
    *newest_time = 0;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        if (message_decode(payload, &event) != ERROR_NONE)
            continue;
        *messages += event.type == MESSAGE_MESSAGE;
        if (event.event.time > *newest_time)
            *newest_time = event.event.time;
    }
}

/* Removes the segment; false when memory ran out. */
static bool segment_remove(const struct stored_segment *segment, uint64_t messages,
                           struct state *state, struct store *store) {
    struct room *room = state_room(state, segment->room);
    store_remove_segment(store, segment->first_id);
    if (room == NULL)
        return true;
    /* The next start finds no event of a room that has no segment left. */
    bool emptied = segment->last_id >= room->newest;
    bool noted = !emptied || state_set_newest(state, room, 0, room->messages);
    if (messages == 0)
        return noted;
    uint64_t removed = room->removed + messages;
    store_set_removed(store, room->id, removed);
    return state_set_removed(state, room, removed) && noted;
}

/* Removes the oldest segments that are due; returns how many, and the id up to which. */
static unsigned retention_remove(const struct retention *retention, uint64_t now,
                                 struct state *state, struct store *store, uint64_t *cut,
                                 bool *failed) {
    struct stored_segment segment;
    uint64_t kept = state_kept_messages(state);
    uint64_t messages, time;
    unsigned count = 0;
    while (count < RETENTION_SEGMENTS_MAX && store_first_segment(store, *cut, &segment)) {
        segment_measure(&segment, &messages, &time);
        bool old = retention->milliseconds > 0 && now > retention->milliseconds &&
                   time < now - retention->milliseconds;
        bool many = retention->messages > 0 && kept - messages >= retention->messages;
        if (!old && !many)
            break;
        *cut = segment.last_id;
        *failed = !segment_remove(&segment, messages, state, store) || *failed;
        kept -= messages;
        count++;
    }
    return count;
}

enum retention_result retention_step(const struct retention *retention, uint64_t now,
                                     struct state *state, struct store *store) {
    uint64_t cut = 0;
    bool failed = false;
    if (retention->milliseconds == 0 && retention->messages == 0)
        return RETENTION_DONE;
    store_begin(store);
    unsigned count = retention_remove(retention, now, state, store, &cut, &failed);
    if (count > 0) {
        failed = !amend_forget(store, cut) || failed;
        store_set_cut(store, cut);
    }
    if (!failed && store_commit(store)) {
        state_keep(state);
        return count > 0 ? RETENTION_MORE : RETENTION_DONE;
    }
    store_abandon(store);
    state_undo(state);
    return RETENTION_FAILED;
}
