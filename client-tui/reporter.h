/* Makes news and hands it to the UI queue, gathering events of one room into one item. While the
 * queue has no room the news wait here, and reporter_is_full tells the owner to read no more. The
 * network thread's alone. Events that cannot be copied for want of memory end the process: better
 * than to leave a gap. */
#ifndef CLIENT_REPORTER_H
#define CLIENT_REPORTER_H

#include "news.h"
#include "outbox.h"

struct reporter {
    struct queue *queue;
    int has_room; /* eventfd: the queue was full and is not any more */
    struct queue_chain waiting;
    bool full;
    struct buffer events; /* frames of events_room, not yet news */
    uint32_t events_room;
};

/* False when memory or descriptors are short. */
bool reporter_init(struct reporter *reporter);
void reporter_free(struct reporter *reporter);

/* Hands over what it can. */
void reporter_flush(struct reporter *reporter);
bool reporter_is_full(const struct reporter *reporter);

void reporter_link(struct reporter *reporter, enum link_state state, uint32_t milliseconds,
                   const char *why);
void reporter_refusal(struct reporter *reporter, unsigned code, struct wire_text reason,
                      struct wire_text suggestion);
void reporter_events(struct reporter *reporter, uint32_t room, struct wire_blob frames, bool reset,
                     bool more);
void reporter_page(struct reporter *reporter, const struct message_history *wish,
                   struct wire_blob frames, bool more);
void reporter_no_page(struct reporter *reporter, const struct message_history *wish, unsigned code);
/* NEWS_OUTBOX and a NEWS_PENDING for each post; `not_taken` is the number that the next post would
 * have had before. */
void reporter_outbox(struct reporter *reporter, const struct outbox *outbox, uint64_t not_taken);
void reporter_stored(struct reporter *reporter, uint64_t up_to);
void reporter_post_refused(struct reporter *reporter, uint64_t number, unsigned code,
                           struct wire_text reason);
/* A server's message, with a copy of its payload. */
void reporter_answer(struct reporter *reporter, struct wire_blob payload);
/* An `error` and a `gone` of our own making. */
void reporter_error(struct reporter *reporter, uint32_t tag, const char *reason);
void reporter_gone(struct reporter *reporter, uint32_t room);

#endif
