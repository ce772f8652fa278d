/* What the network thread tells the UI thread, through the UI queue. The UI thread owns an item
 * from taking it to news_free. Everything in it came from the network: it passes text_clean before
 * a screen. */
#ifndef CLIENT_NEWS_H
#define CLIENT_NEWS_H

#include "protocol.h"
#include "queue.h"

enum link_state {
    LINK_CONNECTING, /* trying now */
    LINK_ONLINE,     /* greeted and welcomed */
    LINK_WAITING,    /* gone; tries again in `milliseconds`; `text` says why */
    LINK_REFUSED     /* the server refused the greeting (`code`, `text`, `suggestion`); it is tried
                        again only after net_rename or net_retry */
};

enum news_kind {
    NEWS_LINK,   /* the state of the connection: link_state, code, milliseconds, text, suggestion */
    NEWS_OUTBOX, /* first, and again when the outbox begins anew: `outbox` is its id, `number` the
                    next post's. Posts that were numbered from `not_taken` on were still on their
                    way to it: they follow, from `number` on */
    NEWS_PENDING, /* after NEWS_OUTBOX, once for each post that waits in it: number, room, text */
    NEWS_EVENTS,  /* event frames of `room`, in order, each exactly once, to follow those before.
                     `reset`: they are the room's first (older ones are there if `more`) */
    NEWS_PAGE,    /* the answer to net_history: `wish` as it was asked, and the event frames of the
                     page; further ones if `more`. `failed`: there is no page, as the server said
                     (code), or for want of a connection (code 0) */
    NEWS_STORED,  /* our posts up to `number` are on disk */
    NEWS_REFUSED, /* our post `number` was not stored (code, text); later numbers move down by one
                   */
    NEWS_ANSWER   /* any other message of the server: `message` */
};

struct news {
    struct queue_item item; /* first, see queue.h */
    enum news_kind kind;
    enum link_state link_state;
    unsigned code; /* enum error_code */
    uint32_t milliseconds;
    uint32_t room;
    bool more;
    bool reset;
    bool failed;
    struct message_history wish;
    uint64_t number;
    uint64_t not_taken;
    uint64_t outbox;
    struct wire_text text; /* the views lie in `bytes` */
    struct wire_text suggestion;
    struct wire_blob frames;
    struct message message;
    size_t size;
    uint8_t bytes[];
};

/* A new item with room for `size` bytes; NULL when out of memory. */
struct news *news_new(enum news_kind kind, size_t size);
void news_free(struct news *news);

/* Takes the next event off frames, decoded; false at their end. Skips what does not decode. */
bool news_next_event(struct wire_blob *frames, struct message *event);

#endif
