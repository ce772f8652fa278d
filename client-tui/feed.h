/* Puts the events of each room in order, each exactly once, whatever the connection did. First
 * sight of a room, reconnecting and having been too slow are one case: there is a position up to
 * which events are to be fetched as history, and behind which they come by themselves. Pure
 * bookkeeping; the network thread's alone.
 *
 * A room is live (what comes is passed on) or catching up (pages are asked for; what comes live
 * meanwhile is held, or, when that grows too large, dropped and fetched too). */
#ifndef CLIENT_FEED_H
#define CLIENT_FEED_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct feed;

/* What the feed asks of its owner. */
struct feed_owner {
    void *context;
    /* Event frames to pass on. `reset`: the room's first; `more`: there are older ones. */
    void (*deliver)(void *context, uint32_t room, struct wire_blob frames, bool reset, bool more);
    /* A history request to send; its page goes to feed_page. */
    void (*ask)(void *context, const struct message_history *wish);
};

/* `first` messages of a room are fetched when it is first seen. NULL when out of memory. */
struct feed *feed_new(unsigned first, const struct feed_owner *owner);
void feed_free(struct feed *feed);

/* The server said we are subscribed. False when out of memory. */
bool feed_room(struct feed *feed, const struct message_room *room);

/* We are not in the room any more. */
void feed_gone(struct feed *feed, uint32_t room);

/* An event came live, as a frame. */
void feed_event(struct feed *feed, const struct event_head *head, struct wire_blob frame);

/* The answer to a wish came. It is passed over when the room has another wish by now. */
void feed_page(struct feed *feed, const struct message_history *wish,
               const struct message_page *page);

/* Live events up to the position may be missing. */
void feed_behind(struct feed *feed, uint64_t position);

/* The connection is gone: nothing asked for will be answered. */
void feed_disconnected(struct feed *feed);

/* The log is another one: what was seen means nothing now. */
void feed_forget(struct feed *feed);

/* Forgets a room of which the server has not said since the connection that we are in it, and
 * returns its number; 0 when there is none. */
uint32_t feed_drop_away(struct feed *feed);

#endif
