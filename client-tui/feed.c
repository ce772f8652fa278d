#include "feed.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEED_HELD_MAX = 256 * 1024, /* bytes of live events held for a room that catches up */
    FEED_FIRST_MAX = 256 << 20, /* bytes of events gathered as a room's first */
    FEED_ASKED_MAX = 2          /* pages under way; the server lets a connection wait for four */
};

enum feed_phase {
    FEED_AWAY,   /* not subscribed */
    FEED_WANTED, /* a page is to be asked for */
    FEED_ASKED,  /* a page is under way */
    FEED_LIVE
};

struct feed_room {
    uint32_t room;
    enum feed_phase phase;
    bool begun;                  /* the first page was delivered; `seen` counts */
    uint64_t seen;               /* id of the last event delivered */
    uint64_t target;             /* events up to here are to be fetched */
    uint64_t asked_target;       /* what the target was when the newest page was asked for */
    struct buffer held;          /* live events above the target */
    struct buffer first;         /* while !begun: the newest events gathered so far */
    unsigned first_count;        /* messages among them */
    uint64_t first_before;       /* the oldest of them */
    struct message_history wish; /* of the page under way */
};

struct feed {
    struct feed_owner owner;
    unsigned first;
    struct feed_room *rooms;
    size_t count;
    size_t capacity;
    size_t asked;
};

struct feed *feed_new(unsigned first, const struct feed_owner *owner) {
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return NULL;
    feed->first = first;
    feed->owner = *owner;
    return feed;
}

void feed_free(struct feed *feed) {
    if (feed == NULL)
        return;
    for (size_t i = 0; i < feed->count; i++) {
        buffer_free(&feed->rooms[i].held);
        buffer_free(&feed->rooms[i].first);
    }
    free(feed->rooms);
    free(feed);
}

static struct feed_room *feed_find(struct feed *feed, uint32_t room) {
    for (size_t i = 0; i < feed->count; i++)
        if (feed->rooms[i].room == room)
            return &feed->rooms[i];
    return NULL;
}

static struct feed_room *feed_add(struct feed *feed, uint32_t room) {
    if (feed->count == feed->capacity) {
        size_t capacity = feed->capacity > 0 ? feed->capacity * 2 : 8;
        struct feed_room *rooms = realloc(feed->rooms, capacity * sizeof *rooms);
        if (rooms == NULL)
            return NULL;
        feed->rooms = rooms;
        feed->capacity = capacity;
    }
    feed->rooms[feed->count] = (struct feed_room){.room = room};
    return &feed->rooms[feed->count++];
}

static void feed_ask(struct feed *feed, struct feed_room *room) {
    struct message_history wish = {.room = room->room, .limit = PAGE_MESSAGES_MAX};
    if (room->begun) {
        wish.after = room->seen;
        wish.before = PROTOCOL_END;
        room->asked_target = room->target;
    } else {
        /* What was there at the subscription: what is said since does not count among the first. */
        unsigned missing = feed->first - room->first_count;
        wish.newest = 1;
        wish.before = room->first_before;
        wish.limit = (uint16_t)(missing < PAGE_MESSAGES_MAX ? missing : PAGE_MESSAGES_MAX);
    }
    room->phase = FEED_ASKED;
    room->wish = wish;
    feed->asked++;
    feed->owner.ask(feed->owner.context, &wish);
}

/* Asks for the next pages, a few at a time. */
static void feed_go_on(struct feed *feed) {
    for (size_t i = 0; i < feed->count && feed->asked < FEED_ASKED_MAX; i++)
        if (feed->rooms[i].phase == FEED_WANTED)
            feed_ask(feed, &feed->rooms[i]);
}

static void feed_deliver(struct feed *feed, struct feed_room *room, struct wire_blob frames) {
    if (frames.size > 0)
        feed->owner.deliver(feed->owner.context, room->room, frames, false, false);
}

static bool feed_next(struct wire_reader *frames, struct wire_blob *frame, struct message *event) {
    const uint8_t *start = frames->at;
    struct wire_blob payload;
    if (frame_take(frames, &payload) != FRAME_READY ||
        message_decode(payload, event) != ERROR_NONE || !message_is_event(event->type))
        return false;
    *frame = (struct wire_blob){start, (size_t)(frames->at - start)};
    return true;
}

/* Delivers the part of the frames that was not seen yet; they are in order, so it is their end. */
static void feed_deliver_new(struct feed *feed, struct feed_room *room, struct wire_blob frames) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    const uint8_t *from = reader.end;
    struct wire_blob frame;
    struct message event;
    while (feed_next(&reader, &frame, &event)) {
        if (event.event.id <= room->seen)
            continue;
        if (from == reader.end)
            from = frame.data;
        room->seen = event.event.id;
    }
    if (from < reader.end)
        feed_deliver(feed, room, (struct wire_blob){from, (size_t)(reader.end - from)});
}

static void feed_begin(struct feed *feed, struct feed_room *room, struct wire_blob frames,
                       bool more) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob frame;
    struct message event;
    room->begun = true;
    while (feed_next(&reader, &frame, &event))
        room->seen = event.event.id;
    feed->owner.deliver(feed->owner.context, room->room, frames, true, more);
    buffer_free(&room->first);
}

/* All up to the target is there: what was held follows, and the room is live. */
static void feed_go_live(struct feed *feed, struct feed_room *room) {
    feed_deliver_new(feed, room, (struct wire_blob){room->held.data, room->held.size});
    buffer_free(&room->held);
    room->phase = FEED_LIVE;
}

/* The first pages of a room end where it was subscribed. */
static void feed_aim(struct feed_room *room) {
    room->first_before = room->target + 1;
    room->asked_target = room->target;
}

bool feed_room(struct feed *feed, const struct message_room *message) {
    struct feed_room *room = feed_find(feed, message->room);
    if (room == NULL)
        room = feed_add(feed, message->room);
    if (room == NULL)
        return false;
    if (room->phase == FEED_LIVE || room->phase == FEED_ASKED)
        return true; /* a room asked for again; nothing has been missed */
    room->target = message->position;
    if (!room->begun && feed->first == 0) {
        feed_begin(feed, room, (struct wire_blob){NULL, 0}, message->newest > 0);
        room->seen = message->position;
    }
    room->phase = FEED_WANTED;
    if (room->begun && message->newest <= room->seen)
        feed_go_live(feed, room);
    else if (!room->begun)
        feed_aim(room);
    feed_go_on(feed);
    return true;
}

void feed_gone(struct feed *feed, uint32_t number) {
    struct feed_room *room = feed_find(feed, number);
    if (room == NULL)
        return;
    if (room->phase == FEED_ASKED)
        feed->asked--;
    buffer_free(&room->held);
    buffer_free(&room->first);
    *room = feed->rooms[--feed->count];
    feed_go_on(feed);
}

void feed_event(struct feed *feed, const struct event_head *head, struct wire_blob frame) {
    struct feed_room *room = feed_find(feed, head->room);
    if (room == NULL || room->phase == FEED_AWAY || head->id <= room->seen)
        return;
    if (room->phase == FEED_LIVE) {
        room->seen = head->id;
        feed_deliver(feed, room, frame);
        return;
    }
    if (head->id <= room->target)
        return;
    if (room->held.size + frame.size <= FEED_HELD_MAX)
        buffer_append(&room->held, frame.data, frame.size);
    if (room->held.size + frame.size > FEED_HELD_MAX || room->held.failed) {
        buffer_free(&room->held);
        room->target = head->id;
    }
}

/* Puts an older page before what was gathered of a room's newest events. False when there is no
 * more to be had: the page leads no further, whatever the server says, or there is no memory. */
static bool feed_gather(struct feed_room *room, struct wire_blob page) {
    struct wire_reader reader = {page.data, page.data + page.size};
    struct buffer joined = {0};
    struct wire_blob frame;
    struct message event;
    uint64_t oldest = 0;
    while (feed_next(&reader, &frame, &event)) {
        room->first_count += event.type == MESSAGE_MESSAGE;
        oldest = oldest != 0 ? oldest : event.event.id;
    }
    if (oldest == 0 || oldest >= room->first_before)
        return false;
    room->first_before = oldest;
    buffer_append(&joined, page.data, page.size);
    buffer_append(&joined, room->first.data, room->first.size);
    buffer_free(&room->first);
    room->first = joined;
    return !joined.failed && joined.size < FEED_FIRST_MAX;
}

/* Delivers a page of what came after the first ones; true when it was the last, as is one that
 * leads no further. */
static bool feed_catch_up(struct feed *feed, struct feed_room *room,
                          const struct message_page *page) {
    uint64_t seen = room->seen;
    feed_deliver_new(feed, room, page->events);
    return page->more == 0 || room->seen == seen;
}

/* Gathers a page of the first events, and delivers them when they are all there. */
static bool feed_catch_first(struct feed *feed, struct feed_room *room,
                             const struct message_page *page) {
    if (feed_gather(room, page->events) && page->more != 0 && room->first_count < feed->first)
        return false;
    struct buffer first = room->first;
    room->first = (struct buffer){0};
    feed_begin(feed, room, (struct wire_blob){first.data, first.size}, page->more != 0);
    buffer_free(&first);
    return true;
}

static bool feed_awaits(const struct feed_room *room, const struct message_history *wish) {
    return room->phase == FEED_ASKED && wish->after == room->wish.after &&
           wish->before == room->wish.before && wish->newest == room->wish.newest;
}

void feed_page(struct feed *feed, const struct message_history *wish,
               const struct message_page *page) {
    struct feed_room *room = feed_find(feed, wish->room);
    if (room == NULL || !feed_awaits(room, wish))
        return;
    feed->asked--;
    room->phase = FEED_WANTED;
    bool complete =
        room->begun ? feed_catch_up(feed, room, page) : feed_catch_first(feed, room, page);
    if (complete && room->asked_target == room->target)
        feed_go_live(feed, room);
    feed_go_on(feed);
}

void feed_behind(struct feed *feed, uint64_t position) {
    for (size_t i = 0; i < feed->count; i++) {
        struct feed_room *room = &feed->rooms[i];
        if (room->phase == FEED_AWAY || position <= room->target)
            continue;
        room->target = position;
        buffer_free(&room->held);
        if (room->phase == FEED_LIVE)
            room->phase = FEED_WANTED;
    }
    feed_go_on(feed);
}

void feed_disconnected(struct feed *feed) {
    for (size_t i = 0; i < feed->count; i++) {
        struct feed_room *room = &feed->rooms[i];
        room->phase = FEED_AWAY;
        room->first_count = 0;
        buffer_free(&room->held);
        buffer_free(&room->first);
    }
    feed->asked = 0;
}

void feed_forget(struct feed *feed) {
    for (size_t i = 0; i < feed->count; i++) {
        feed->rooms[i].begun = false;
        feed->rooms[i].seen = 0;
        feed->rooms[i].target = 0;
    }
}

uint32_t feed_drop_away(struct feed *feed) {
    for (size_t i = 0; i < feed->count; i++) {
        uint32_t number = feed->rooms[i].room;
        if (feed->rooms[i].phase != FEED_AWAY)
            continue;
        feed_gone(feed, number);
        return number;
    }
    return 0;
}
